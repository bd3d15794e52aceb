"""lm-eval's output folder -> results of jmed tasks."""
