"""What a figure was measured on: machine and versions in one line."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

import torch

PACKAGES = ("torch", "transformers", "trl", "lm_eval")


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Without names of hosts or users."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    threads = f"{os.cpu_count()} CPUs, {torch.get_num_threads()} threads"
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{platform.machine()}, {threads}, {device}; {versions}"
