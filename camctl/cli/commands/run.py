"""`camctl run`: where a classifier looked."""

from camctl.cli import model_cache
from camctl.cli.commands.layers import list_layers
from camctl.cli.commands.run_data import run_data
from camctl.cli.output.run_report import preview, summary
from camctl.cli.output.saving import map_files
from camctl.cli.parsing import options
from camctl.cli.parsing.data import DataOptions
from camctl.cli.parsing.drawing import DrawnClasses, DrawnMethods, MapOutput, PictureOptions
from camctl.datasets import is_data
from camctl.errors import ExitCode, InputError


def run(
    question: DrawnClasses,
    subject: PictureOptions,
    methods: DrawnMethods,
    output: MapOutput,
    model: options.OneModel,
    data: DataOptions,
) -> ExitCode:
    """Draw where a classifier looked, on a picture or on a whole data set.

    camctl run photo.jpg imagenet:lite0 --save-path cam.png

    camctl run photo.jpg resnet50_8xb32_in1k --topk 3 --method GradCAM LayerCAM --save-path cams/

    camctl run photo.jpg config.py weights.pth --target-category tabby --target-layers 'backbone.layer4.*.bn3'

    camctl run photos/ imagenet:lite0 --target-category label --save-path out/
    """
    if is_data(subject.image):
        return run_data(question, subject, methods, output, model, data)
    if flags := data.asked():
        message = f"{flags[0]} is for a data set, and '{subject.image}' is none."
        raise InputError(message, hint="Leave it out, or give a folder. Figures of one picture: camctl compare")
    from camctl.pipeline.explain import explain
    from camctl.values.picture import read_picture

    # Mistakes in the words are reported before torch loads.
    classes = question.classes()
    several, drawn = question.several, methods.count()
    request, sink, look = model.request(), output.results.sink, output.overlay.look()
    look["cut"] = cut = output.parts.cut()
    inputs = model.inputs([request])
    inputs.add([subject.image], "the picture itself")
    inputs.add(question.others.files(), "a picture that is asked about")
    files = map_files(output.save_path, output.save_raw, several and several * drawn, inputs=inputs)
    if subject.preview_model:
        return list_layers(request, sink)
    picture = read_picture(subject.image, subject.reading.reading())
    with sink.working() as progress:
        loaded = request.load(progress)
        progress.say("Running it")
        explanation = explain(
            loaded,
            picture,
            methods=methods.names(),
            method_options=methods.settings(),
            targets=classes,
            target_layers=subject.target_layers,
            smooth=methods.smoothing,
            aggregate=methods.maps.aggregate,
            verify=methods.maps.verify,
            expect=question.expected,
            family=request.family,
            progress=progress.steps(),
        )
        progress.say("Drawing")
        paths, others = files.save(explanation, look, no_metadata=output.no_metadata)
    model_cache.keep(request.model, modules=loaded.module.named_modules(), classes=loaded.class_names)
    sink.data(explanation.to_dict(paths, cut))
    shown = sink.human and not paths and not output.results.no_preview and preview(explanation, look)
    sink.tell(summary(explanation, [*paths.values(), *others], unsaved=not (shown or paths or files.raw)))
    return output.results.exit_code(explanation.maps, as_expected=explanation.as_expected)
