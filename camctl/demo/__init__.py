"""The embedded demo: sticker scenes, four small trained classifiers, and the script that trained them."""
