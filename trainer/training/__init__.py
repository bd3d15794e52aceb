"""A run: its folder, checkpoints, resume, and the trainer classes."""
