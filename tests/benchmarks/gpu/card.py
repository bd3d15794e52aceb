"""The machine, and what its card computes and moves at best."""

import os
import platform
import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import bitsandbytes as bnb
import torch
from bitsandbytes.functional import quantize_4bit

from lm_eval_tasks import __version__
from tests.benchmarks.gpu.parts import Place, Result
from tests.benchmarks.machine import card_named, synchronize

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "deepspeed",
            "lm_eval", "triton", "liger-kernel", "flash-attn", "flash-attn-3", "flash-attn-4",
            "nvidia-cutlass-dsl", "kernels")  # fmt: skip
RUNS = 20


def environment(_: Place) -> Result:
    """Machine and versions, without names of hosts or users."""
    cards = range(torch.cuda.device_count())
    return {
        "gpus": [torch.cuda.get_device_name(card) for card in cards],
        "memory_mib": [torch.cuda.get_device_properties(c).total_memory // 2**20 for c in cards],
        "card": card_named(torch.cuda.get_device_name()) if cards else None,
        "driver": _driver(),
        "cuda": torch.version.cuda,
        "host": f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, "
        f"{_host_gib():.0f} GiB",
        "python": platform.python_version(),
        "jmed": __version__,
        "packages": {name: found for name in PACKAGES if (found := _version(name))},
        "date": datetime.now(UTC).date().isoformat(),
    }


def _driver() -> str | None:
    asked = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        told = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return None
    return told.split()[0] if told.split() else None


def _host_gib() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def rates(place: Place) -> Result:
    """The rate of large products in bfloat16, over a plain weight and over one in NF4, and of a
    copy; random data, for on zeros a card is faster."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    size, tokens, narrow, wide = (256,) * 4 if place.tiny else (8192, 8192, 8192, 28672)
    made: dict[str, Any] = {"device": device, "dtype": torch.bfloat16}
    a, b = torch.randn(size, size, **made), torch.randn(size, size, **made)
    seconds = _seconds(lambda: a @ b)
    target = torch.empty_like(a := torch.randn(size * 8, size, **made))
    copied = _seconds(lambda: target.copy_(a))
    x, weight = torch.randn(tokens, narrow, **made), torch.randn(wide, narrow, **made)
    plain, packed = _seconds(lambda: x @ weight.T), _nf4_seconds(x, weight)
    operations = 2 * tokens * narrow * wide
    return {
        "shape": [size, size, size],
        "tflops": round(2 * size**3 / seconds / 1e12, 1),
        "copy_gb_per_s": round(2 * a.numel() * a.element_size() / copied / 1e9, 1),
        "mlp_shape": [tokens, narrow, wide],
        "mlp_tflops": round(operations / plain / 1e12, 1),
        "mlp_nf4_tflops": round(operations / packed / 1e12, 1),
    }


def _nf4_seconds(x: torch.Tensor, weight: torch.Tensor) -> float:
    """Of a product with a weight in NF4, double quantisation, as QLoRA's forward pass has it."""
    packed, state = quantize_4bit(weight, quant_type="nf4", compress_statistics=True)
    return _seconds(lambda: bnb.matmul_4bit(x, packed.t(), quant_state=state))


def _seconds(work: Callable[[], object]) -> float:
    """Mean of RUNS after three that are not timed."""
    for _ in range(3):
        work()
    synchronize()
    begun = time.perf_counter()
    for _ in range(RUNS):
        work()
    synchronize()
    return (time.perf_counter() - begun) / RUNS


MEASURES = {"environment": environment, "rates": rates}
