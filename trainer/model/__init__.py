"""The base model: how it is loaded, what of it is trained, whether that acts."""
