"""How far two models' logits are apart, and what an adapter does to its base's."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import torch

NOISE = 3.0
"""How many times the difference of two equal passes the adapter's must be."""

Ids = Sequence[int]


@dataclass(frozen=True)
class Distance:
    """How far the logits of two models lie apart on the same tokens."""

    largest: float = 0.0
    """The largest difference of one logit; nan if one is not a number."""
    squares: float = 0.0
    """The sum of squared differences over `logits`."""
    logits: int = 0
    same: int = 0
    """Positions with the same most likely next token, of `positions`."""
    positions: int = 0

    def __add__(self, other: "Distance") -> "Distance":
        return Distance(
            max(self.largest, other.largest) if other.largest == other.largest else other.largest,
            self.squares + other.squares,
            self.logits + other.logits,
            self.same + other.same,
            self.positions + other.positions,
        )

    @property
    def rms(self) -> float:
        """Root of the mean square."""
        return float((self.squares / max(self.logits, 1)) ** 0.5)

    @property
    def agreement(self) -> float:
        """Share of positions with the same most likely next token."""
        return self.same / max(self.positions, 1)


@dataclass(frozen=True)
class Effect:
    """What an adapter changes on its base."""

    trained: list[torch.Tensor]
    """Logits with the adapter, prompt by prompt."""
    distance: Distance
    """From the base without it."""
    noise: Distance
    """Between two passes without it: what chance alone makes."""

    @property
    def acts(self) -> bool:
        """Whether the distance is more than chance; what is not a number is not."""
        return NOISE * self.noise.largest < self.distance.largest < float("inf")


def effect_of(
    model: Any,
    prompts: Sequence[Ids],
    device: Any,
    without: Callable[[], AbstractContextManager[Any]] | None = None,
) -> Effect:
    """Hold a model with its adapter against itself without it.

    Every process of a run must call this: under ZeRO-3 they hold the layers together.

    Args:
        without: in which the model is what it is held against; None: it has no adapter then.
    """
    model.eval()
    trained, found, noise = [], Distance(), Distance()
    for ids in prompts:
        trained.append(logits(model, ids, device))
        with (without or model.disable_adapter)():
            base, again = logits(model, ids, device), logits(model, ids, device)
        found, noise = found + distance(trained[-1], base), noise + distance(base, again)
    return Effect(trained, found, noise)


def logits(model: Any, prompt: Ids, device: Any) -> torch.Tensor:
    """Logits of a prompt, in float32 on the CPU."""
    ids = torch.tensor([list(prompt)], device=device)
    with torch.no_grad():  # under ZeRO-3 inference mode would mark the weights themselves
        out: torch.Tensor = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
    return out.float().cpu()


def distance(one: torch.Tensor, other: torch.Tensor) -> Distance:
    """How far the logits of two models on one prompt lie apart."""
    apart = (one - other).abs()
    same = int((one.argmax(-1) == other.argmax(-1)).sum())
    return Distance(
        float(apart.max()), float(apart.double().square().sum()), apart.numel(), same, len(apart)
    )


def nothing(effect: Effect, model: Any) -> str:
    """What is wrong with an adapter that does not act, and what a look at it tells of why."""
    if effect.distance.largest != effect.distance.largest:
        return "its logits are not numbers: the run diverged"
    found = (
        f"the adapter changes nothing: largest difference of a logit "
        f"{effect.distance.largest:.2g} on {len(effect.trained)} prompts, "
        f"{effect.noise.largest:.2g} by chance"
    )
    seconds = [p for name, p in model.named_parameters() if "lora_B" in name]
    zero = sum(not bool(getattr(p, "ds_tensor", p).any()) for p in seconds)
    if seconds and zero == len(seconds):
        return (
            f"{found}; all {zero} lora_B are 0, as at the start: learning rate 0, no step, or no "
            "token that is learnt"
        )
    return f"{found}; {len(seconds) - zero} of {len(seconds)} lora_B are not 0"
