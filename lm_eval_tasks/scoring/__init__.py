"""A doc and a response -> scores -> the verdict of the real exam."""
