"""jmed: the Japanese medical licensing exams as lm-evaluation-harness tasks."""

from pathlib import Path

__version__ = "0.1.0"

TASKS_PATH = Path(__file__).resolve().parent / "tasks"
"""The folder for ``lm_eval --include_path``: task YAMLs and nothing else."""
