"""Two results -> what changed, and its words."""
