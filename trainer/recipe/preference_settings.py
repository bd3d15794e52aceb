"""The section `dpo`: which keys of DPOConfig stand there, and settings that cancel each other.

TRL 1.16 ignores most of those without a word, and finds others after the weights are read.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from trainer.recipe.recipe import Recipe

LOSSES = (
    "sigmoid", "hinge", "ipo", "exo_pair", "nca_pair", "robust", "bco_pair", "sppo_hard", "aot",
    "aot_unpaired", "apo_zero", "apo_down", "discopop", "sft", "sigmoid_norm",
)  # fmt: skip
"""Of DPOConfig.loss_type in TRL 1.16; a name it does not know is an error of its first step."""
REWARD_DIFFERENCE = (
    "sigmoid", "sigmoid_norm", "hinge", "ipo", "exo_pair", "robust", "discopop", "sft",
)  # fmt: skip
"""Losses for which another f_divergence_type is defined."""
DIVERGENCES = ("reverse_kl", "forward_kl", "js_divergence", "alpha_divergence")
ACROSS_PAIRS = frozenset({"aot", "aot_unpaired", "sft"})
"""Losses that are no mean over pairs: what they are depends on which pairs are in a micro-batch."""
KEYS = frozenset(
    {
        "beta", "loss_type", "loss_weights", "label_smoothing", "ld_alpha", "f_divergence_type",
        "f_alpha_divergence_coef", "use_weighting", "discopop_tau", "disable_dropout",
        "precompute_ref_log_probs", "precompute_ref_batch_size",
    }
)  # fmt: skip
"""What the section may hold."""
NOT_SET = {
    "truncation_mode": "data.overlength says what becomes of pairs longer than train.max_length",
    "padding_free": "TRL 1.16 has it switched off",
    "sync_ref_model": "the reference of an adapter is no model of its own",
    "ref_model_mixup_alpha": "the reference of an adapter is no model of its own",
    "ref_model_sync_steps": "the reference of an adapter is no model of its own",
}
"""Keys of DPOConfig that a recipe must not set, and why."""


def loss_types(dpo: Mapping[str, Any]) -> list[str]:
    """The losses of DPOConfig as a list, also where the recipe names one."""
    given = dpo.get("loss_type", "sigmoid")
    return [given] if isinstance(given, str) else given


def dpo_arguments(recipe: Recipe) -> dict[str, Any]:
    """What the sections `train` and `dpo` set of DPOConfig."""
    assert recipe.dpo is not None
    return {**recipe.train, **recipe.dpo, "loss_type": loss_types(recipe.dpo)}


def in_words(recipe: Recipe) -> str:
    """Describe the method: "DPO, loss sigmoid, beta 0.1, against the base without the adapter"."""
    assert recipe.dpo is not None
    start = recipe.model.adapter_name_or_path
    against = f"{start}, with which it begins" if start else "the base without the adapter"
    return (
        f"DPO, loss {' + '.join(loss_types(recipe.dpo))}, beta {recipe.dpo.get('beta', 0.1)}, "
        f"against {against}"
    )


def preference_faults(recipe: Recipe) -> Iterator[str]:
    """Yield what is wrong with a recipe that trains on pairs, or with one that does not."""
    if recipe.dpo is None:
        if recipe.model.adapter_name_or_path:
            yield "model.adapter_name_or_path: allowed with a section dpo"
        return
    for key, reason in NOT_SET.items():
        if key in recipe.dpo or key in recipe.train:
            yield f"dpo.{key}: not set by a recipe: {reason}"
    if moved := sorted(KEYS & recipe.train.keys()):
        yield f"train.{moved[0]}: allowed in the section dpo"
    yield from _data(recipe)
    yield from _adapter(recipe)
    yield from _losses(recipe.dpo)
    yield from _unread(recipe.dpo)


def _data(recipe: Recipe) -> Iterator[str]:
    data = recipe.data
    if any(source.exam for source in data.datasets):
        yield (
            "data.datasets: exam: exams have no rejected answers; allowed with dpo: `path`, with "
            "rows of prompt, chosen, rejected"
        )
    if data.learn == "all":
        yield "data.learn: all: a pair differs in its last turn; allowed with dpo: last"
    if data.source_max_len or data.target_max_len:
        yield "data.source_max_len, target_max_len: allowed with dpo: train.max_length"


def _adapter(recipe: Recipe) -> Iterator[str]:
    assert recipe.dpo is not None
    if recipe.adapter is None:
        yield (
            "dpo: needs a section adapter: the reference is then the base without it. All "
            "parameters would need a second whole model beside the one that is trained"
        )
        return
    dropout = recipe.adapter.get("lora_dropout", 0.0)
    if dropout and recipe.dpo.get("disable_dropout", True):
        yield (
            f"adapter.lora_dropout: {dropout}, and dpo.disable_dropout, true unless set, makes it "
            "0; allowed: lora_dropout: 0.0, or disable_dropout: false"
        )


def _losses(dpo: Mapping[str, Any]) -> Iterator[str]:
    kinds = loss_types(dpo)
    if not isinstance(kinds, list) or not kinds or any(kind not in LOSSES for kind in kinds):
        yield f"dpo.loss_type: found {dpo['loss_type']!r}; allowed: {', '.join(LOSSES)}"
        return
    if set(kinds) == {"sft"}:
        yield "dpo.loss_type: sft alone reads no rejected answer; allowed: [sigmoid, sft]"
    beta = dpo.get("beta", 0.1)
    if isinstance(beta, int | float) and not beta > 0:
        yield f"dpo.beta: found {beta!r}; allowed: above 0"
    share = dpo.get("ld_alpha")
    if isinstance(share, int | float) and not 0 <= share <= 1:
        yield f"dpo.ld_alpha: found {share!r}; allowed: from 0 to 1"
    divergence = dpo.get("f_divergence_type", DIVERGENCES[0])
    if divergence not in DIVERGENCES:
        yield f"dpo.f_divergence_type: found {divergence!r}; allowed: {', '.join(DIVERGENCES)}"
    others = [kind for kind in kinds if kind not in REWARD_DIFFERENCE]
    if divergence != DIVERGENCES[0] and others:
        yield f"dpo.f_divergence_type: {divergence} is not defined for loss_type {others[0]}"
    if dpo.get("use_weighting") and {"aot", "aot_unpaired"} & {*kinds}:
        yield "dpo.use_weighting: aot sorts the pairs, so that no weight finds its own"
    yield from _smoothing(dpo, kinds)


def _smoothing(dpo: Mapping[str, Any], kinds: list[str]) -> Iterator[str]:
    share = dpo.get("label_smoothing", 0.0)
    if not isinstance(share, int | float):
        return  # its class says so
    if not 0 <= share < 0.5:
        yield f"dpo.label_smoothing: found {share!r}; allowed: from 0, below 0.5"
    if "exo_pair" in kinds and not share:
        yield "dpo.label_smoothing: exo_pair needs one above 0; its paper has 1.0e-3"


def _unread(dpo: Mapping[str, Any]) -> Iterator[str]:
    """Keys that the other settings leave without effect."""
    kinds = {*loss_types(dpo)}
    smoothed = {"robust", "exo_pair", "aot", "aot_unpaired"}
    read = {
        "label_smoothing": (kinds & smoothed, "loss_type robust, exo_pair, aot or aot_unpaired"),
        "discopop_tau": ("discopop" in kinds, "loss_type discopop"),
        "f_alpha_divergence_coef": (
            dpo.get("f_divergence_type") == "alpha_divergence",
            "f_divergence_type: alpha_divergence",
        ),
        "precompute_ref_batch_size": (
            dpo.get("precompute_ref_log_probs"),
            "precompute_ref_log_probs: true",
        ),
    }
    for key, (is_read, by) in read.items():
        if dpo.get(key) and not is_read:
            yield f"dpo.{key}: has no effect as the rest is set; allowed with {by}"
