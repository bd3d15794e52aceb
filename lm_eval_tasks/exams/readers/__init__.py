"""One module for each published format: files -> questions, nothing else."""
