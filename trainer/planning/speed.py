"""How long a micro-batch takes on a named card.

    max(operations / (MATMUL × rate) + traffic / bandwidth + gathered weights / (LINK × link),
        LAUNCH × layers)

The constants were fitted to published runs of the same stack: LoRA, QLoRA and full training
(tests/recorded/published_runs.yaml names each with its source). They predict those runs within
SPREAD. On a card that is not in MEASURED only its data sheet speaks.
"""

from dataclasses import dataclass

from trainer.gpus import Rates
from trainer.planning.memory import Footprint
from trainer.planning.peak import Layout
from trainer.planning.schedule import TokenCount

MATMUL = 0.75
"""Share of the data sheet's rate that matrix products reach."""
TRAFFIC = 470
"""Bytes moved for each element of the hidden state, per layer and pass: norms, activations,
residuals, dropout, rotary positions, each a kernel of its own."""
LAUNCH = 0.0053
"""Seconds of the host for one layer and micro-batch, forward to backward: it starts kernels no
faster, however few tokens there are."""
DEQUANTISE = 12
"""Bytes moved for each quantised weight and pass."""
LINK = 0.7
"""Share of the link's rate that gathering reaches."""
PCIE = 32
"""GB/s between host and card, for offloaded weights: PCIe 4.0 x16."""
SPREAD = 1.55
"""Published runs took between 1/SPREAD and SPREAD times what is predicted."""
MEASURED = ("a100-40", "a100-80", "h100", "l40")
"""Cards that the published runs were made on."""
OWN_RUNS = {
    "h100": {"adapter": (1.0, 1.8), "full": (2.7, 7.5)},
    "h200": {"adapter": (1.2, 2.4), "full": (1.4, 2.8)},
}
"""Card -> how many times as long as predicted this trainer's own steps took on one of it, from and
to, with an adapter and with all parameters, which were 1.7B under ZeRO
(tests/recorded/gpu_runs.yaml, gpu_h100.json): the constants are not fitted to them."""


@dataclass(frozen=True)
class OnGpus:
    """A run as it lies on its GPUs, with so many examples at a time on each."""

    footprint: Footprint
    layout: Layout
    micro: int


@dataclass(frozen=True)
class Hours:
    """How long a run takes; published runs took between `low` and `high`."""

    likely: float
    """What is predicted."""

    @property
    def low(self) -> float:
        return self.likely / SPREAD

    @property
    def high(self) -> float:
        return self.likely * SPREAD


def passes(f: Footprint) -> int:
    """How often a step passes over the weights.

    Forward, recomputed forward, backward to the activations, and the reference's forward.
    """
    return (3 if f.checkpointing else 2) + f.reference


def flops_per_token(f: Footprint, micro_batch: int = 1) -> float:
    """Floating-point operations to train on one token of an example of full length.

    2 for each weight and pass, and 2 for the gradient of each trained one: with LoRA the base has
    none. Attention's scores on top, causal, twice as many backward; where packed rows are kept
    apart by a dense mask, the kernel computes the whole square. Source: Kaplan et al. 2020 (arXiv
    2001.08361), table 1; the embedding is a look-up.
    """
    trained = f.active if f.full else f.trainable
    weights = passes(f) * (f.active + (0 if f.full else f.trainable)) + trained
    square = 2 * micro_batch if f.dense_mask and f.packing else 1
    return 2.0 * weights + 2.0 * f.attended * square * (passes(f) + 1)


def seconds(on: OnGpus, rates: Rates, tokens: float | None = None) -> float:
    """One micro-batch on one GPU, forward to backward, all GPUs in one host.

    Args:
        tokens: that it holds, padding among them; None: every example is as long as allowed.
    """
    f = on.footprint
    fed = on.micro * f.sequences * f.length if tokens is None else tokens
    operations = fed * flops_per_token(f, on.micro) / (MATMUL * rates.tflops * 1e12)
    moved = fed * TRAFFIC * f.layers * f.hidden * passes(f)
    if f.bits:
        moved += DEQUANTISE * f.quantized * 8 / f.bits * passes(f)
    busy = operations + moved / (rates.bandwidth * 1e9) + _over_links(f, on.layout, rates)
    return max(busy, LAUNCH * f.layers)


def _over_links(f: Footprint, layout: Layout, rates: Rates) -> float:
    """ZeRO-3's gathered weights in each pass, and the gradients of full training."""
    others = 1 - 1 / layout.gpus
    sharded = f.quantized + f.plain if layout.stage == 3 else 0
    gradients = 2 * f.weight_bytes * f.trainable if f.full else 0
    between = (passes(f) * sharded + gradients) * others / (LINK * rates.link * 1e9)
    from_host = passes(f) * sharded / layout.gpus if layout.offload_param else 0
    return between + from_host / (LINK * PCIE * 1e9)


def hours(on: OnGpus, rates: Rates, trained: TokenCount, evaluated: TokenCount) -> Hours:
    """A run's training and evaluation; loading, saving and the optimizer's step left out."""

    def of(part: TokenCount) -> float:
        if not part.micro_batches:
            return 0.0
        each = part.tokens / part.micro_batches / on.layout.gpus
        return part.micro_batches * seconds(on, rates, each)

    f = on.footprint
    forward_only = of(evaluated) * (1 + f.reference) / (passes(f) + (1 if f.full else 0))
    return Hours((of(trained) + forward_only) / 3600)


def hours_at(f: Footprint, gpus: int, tflops: float, tokens: int) -> float:
    """Hours of training at a sustained rate of one GPU that the user states (--tflops)."""
    return tokens * flops_per_token(f) / (tflops * 1e12 * gpus) / 3600
