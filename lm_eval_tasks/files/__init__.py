"""A file -> rows, or text; each fault with file, line and field."""
