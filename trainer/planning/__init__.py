"""`check`: what a run needs in memory and hours, before it begins."""
