"""`jmed eval --resume FOLDER`: answers are kept as they come, and asked for once."""
