"""A response -> the answer in it, and the prediction that a publisher would compare."""
