"""Image models of transformers for camctl: `transformers:NAME_OR_FOLDER`."""
