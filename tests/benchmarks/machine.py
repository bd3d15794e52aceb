"""What a figure was measured on."""

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version

import torch

from trainer.gpus import known_cards

PACKAGES = ("torch", "transformers", "trl", "lm_eval")


def machine(packages: Sequence[str] = PACKAGES) -> str:
    """Machine and versions in one line, without names of hosts or users."""
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    threads = f"{os.cpu_count()} CPUs, {torch.get_num_threads()} threads"
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return f"{platform.machine()}, {threads}, {device}; {versions}"


def synchronize() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def card_named(device: str) -> str | None:
    """The card of gpus.yaml that torch calls `device`: "NVIDIA H100 80GB HBM3" is h100."""
    words = device.lower().replace("-", " ").split()
    found = [name for name in known_cards() if name.split("-")[0] in words]
    return found[0] if len(found) == 1 or "pcie" not in words else found[-1] if found else None
