"""What a base consists of: parameters in all, those a token meets, and those in experts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trainer.model.targets import computes_all_experts, experts, language_model
from trainer.recipe.quantization import is_mxfp4

PER_TOKEN = ("num_experts_per_tok", "top_k_experts", "experts_per_token", "moe_topk")
"""What the configs of transformers call the number of experts that a token is sent to."""


@dataclass(frozen=True)
class Sizes:
    """Counts of parameters, each shared tensor once."""

    total: int
    active: int
    """Multiplied with each token of a text: without look-ups (embeddings that are not the head
    too), parts for images and sound, and experts that were not chosen."""
    experts: int
    """In 3-D parameters."""
    expert_bytes: int
    """The same in bytes."""
    chosen: int
    """Experts for a token, 0 without experts."""
    of: int
    """Experts that there are."""
    text_only: bool
    """Whether every part reads text."""
    layers: int
    """Of the language model, as `hidden` and `vocabulary`."""
    hidden: int
    vocabulary: int


def count_sizes(model: Any) -> Sizes:
    """Count a base without adapter, with or without weights."""
    from torch import nn

    text, inside = model.config.get_text_config(), language_model(model)
    head = model.get_output_embeddings()
    of_head = {id(p) for p in head.parameters()} if head is not None else set()
    looked_up = {
        id(module.weight)
        for name, module in model.named_modules()
        if isinstance(module, nn.Embedding) and id(module.weight) not in of_head
    }
    read = [
        parameter
        for name, parameter in model.named_parameters()
        if (name.startswith(inside) or id(parameter) in of_head) and id(parameter) not in looked_up
    ]
    three_d = experts(model)
    chosen, of = _chosen(model, three_d)
    in_experts = sum(parameter.numel() for parameter in three_d.values())
    idle = in_experts - in_experts * chosen // of if of else 0
    return Sizes(
        total=sum(parameter.numel() for parameter in model.parameters()),
        active=sum(parameter.numel() for parameter in read) - idle,
        experts=in_experts,
        expert_bytes=sum(p.numel() * p.element_size() for p in three_d.values()),
        chosen=chosen,
        of=of,
        text_only=not inside,
        layers=text.num_hidden_layers,
        hidden=text.hidden_size,
        vocabulary=text.vocab_size,
    )


def size_notes(sizes: Sizes, quantization: Mapping[str, Any] | None, adapter: Any) -> Iterator[str]:
    """Yield what is worth a line before the memory table of `check`."""
    if not sizes.text_only:
        yield "parts for images or sound are loaded and left as they are: no adapter, no gradient"
    if not sizes.experts:
        return
    known = f"{sizes.chosen} of {sizes.of} experts" if sizes.of else "all experts"
    yield (
        f"{sizes.total:,} parameters, {sizes.active:,} of them multiplied with each token ({known})"
    )
    if quantization and not is_mxfp4(quantization):
        yield (
            f"experts are parameters, not layers: {sizes.expert_bytes / 2**30:.1f} GiB of them "
            "stay unquantised"
        )
    if adapter is not None and adapter.target_parameters and is_mxfp4(quantization):
        yield (
            "merge before you score: where the MXFP4 kernels are installed, experts are loaded "
            "packed, and their adapter finds no place"
        )
    if adapter is not None and not adapter.target_parameters:
        yield (
            f"experts have no adapter: {sizes.experts / sizes.total:.0%} of the parameters; "
            "adapter.target_parameters names them, with lora_dropout 0.0"
        )


def _chosen(model: Any, three_d: Mapping[str, Any]) -> tuple[int, int]:
    """(experts that meet a token, experts), 0 of 0 where there are none or nothing says."""
    text = model.config.get_text_config()
    found = next((getattr(text, key) for key in PER_TOKEN if getattr(text, key, None)), 0)
    if not three_d or not found:
        return 0, 0
    of = max(int(parameter.shape[0]) for parameter in three_d.values())
    return of if any(computes_all_experts(model, name) for name in three_d) else int(found), of
