"""The embedded demo: sticker scenes and four small trained classifiers."""
