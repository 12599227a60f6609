"""Bad input, through the command line: one clear line, a hint, the right exit code, nothing half-written.

What is bad, and the test that tries it:

picture missing, zero bytes, truncated, text in disguise, an address, a folder
    test_pictures.py::test_picture_that_cannot_be_read_is_refused
CMYK, 16-bit, grey, RGBA, EXIF-rotated, 1x1 and 20000x50 pictures, which simply work
    test_pictures.py::test_sound_picture_simply_works
gigantic picture
    test_pictures.py::test_picture_beyond_the_bound_is_refused
    test_pictures.py::test_picture_beyond_pillows_bound_simply_works
config missing, broken, of a detector, of a self-supervised model, without a head
    test_models.py::test_model_that_is_no_classifier_is_refused
checkpoint missing, empty, truncated, a web page, without weights
    test_models.py::test_checkpoint_that_cannot_be_read_is_refused
checkpoint for another model, or with another head
    test_models.py::test_checkpoint_of_another_model_is_refused
    test_models.py::test_head_of_another_size_is_refused_with_the_option_that_mends_it
pickled malice
    test_models.py::test_malice_in_a_checkpoint_does_not_run
unknown layer
    test_layers_and_classes.py::test_unknown_layer_is_answered_with_near_names_that_work
layer never executed
    test_layers_and_classes.py::test_layer_that_cannot_be_explained_is_refused_with_a_command_that_lists_others
layer with a 1x1 output, after pooling, or whose places get no gradient
    test_layers_and_classes.py::test_worthless_layer_is_told_which_layer_to_use
class index out of range, unknown class name
    test_layers_and_classes.py::test_class_that_is_not_there_is_refused
one-logit heads
    test_layers_and_classes.py::test_one_logit_head_has_two_classes
output folder not writable, unknown extension, the picture itself
    test_output.py::test_place_that_cannot_be_written_is_refused
    test_output.py::test_folder_that_is_not_writable_is_refused
disk full
    test_output.py::test_full_disk_leaves_what_was_there
    tests/cli/test_run.py::test_write_that_fails_half_way_leaves_no_file_and_ends_with_one
Ctrl-C in the middle
    test_interrupt.py
NaN in weights, with and without target layers, for all four families
    test_not_finite.py
    tests/methods/test_library.py::test_nan_in_the_weights_is_a_verdict_and_no_error (methods of grad-cam)
wrong words, before torch loads
    test_usage.py
    tests/cli/test_startup.py::test_usage_mistake_surfaces_before_torch_loads
"""
