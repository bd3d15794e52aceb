"""The record as people read it.

python -m tests.benchmarks.gpu.table [gpu_record.json]      # otherwise the one that is kept here
"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.gpu.record import MEASURED, Found, Record, read

KEPT = Path(__file__).resolve().parents[2] / "recorded/gpu_h100.json"
WITH_FLASH = KEPT.with_name("gpu_h100_flash.json")
"""The same machine with packages that the other record's has not."""
GIB = 2**30
PUBLISHED = {
    "sft_published": ("12,473", "NVIDIA NeMo AutoModel, Llama 3 8B LoRA, one H100"),
    "sft_published_liger": ("12,473", "NVIDIA NeMo AutoModel, Llama 3 8B LoRA, one H100"),
    "sft_published_flash": ("12,473", "NVIDIA NeMo AutoModel, Llama 3 8B LoRA, one H100"),
    "qlora_70b": (
        "1,092",
        "NVIDIA NeMo AutoModel, Llama 3 70B LoRA, bfloat16, each of eight H100",
    ),
}
"""Tokens a second that others published (NVIDIA-NeMo/Automodel, docs/performance-summary.mdx at
36044ad)."""


def line(name: str, found: Found) -> str:
    """One part while the suite runs."""
    said = found.reason or _short(found.result)
    return f"{name:<20} {found.state:<8} {found.seconds:>6.1f} s  {said}"


def _short(result: Mapping[str, Any]) -> str:
    if "tokens_per_second" in result:
        return f"{result['tokens_per_second']:,.0f} tokens/s, {result['tflops']:.0f} TFLOP/s"
    if "ratio" in result:
        return f"jmed_hf {result['ratio']:.2f} times as fast as hf"
    return f"{result['tflops']:,.0f} TFLOP/s" if "tflops" in result else ""


def markdown(record: Record) -> str:
    """Machine, rates, scoring, training, and what was not measured."""
    parts = [(name, found) for name, found in record.parts.items() if found.state == MEASURED]
    trained = [(name, found) for name, found in parts if "measured" in found.result]
    scored = [found for _, found in parts if "jmed_hf" in found.result]
    blocks = ["**Tiny layers: no figure here means anything.**"] if record.tiny else []
    blocks += [_machine(record.environment)] if record.environment else []
    blocks += [_rates(found.result) for name, found in parts if name == "rates"]
    blocks += [_scoring(scored)] if scored else []
    seen = [found for found in scored if "wrongs" in found.result]
    blocks += [_exactness(seen), _wrongs(seen)] if seen else []
    blocks += [_training(trained), _plans(trained)] if trained else []
    others = [(n, found) for n, found in record.parts.items() if found.state != MEASURED]
    blocks += (
        ["\n".join(f"- {f.title}: {f.state}: {f.reason}" for _, f in others)] if others else []
    )
    return "\n\n".join(blocks)


def _machine(e: Mapping[str, Any]) -> str:
    gpus = ", ".join(
        f"{gpu} ({mib:,} MiB)" for gpu, mib in zip(e["gpus"], e["memory_mib"], strict=True)
    )
    versions = ", ".join(f"{name} {version}" for name, version in e["packages"].items())
    return (
        f"{gpus or 'no GPU'}, driver {e['driver']}, CUDA {e['cuda']}; {e['host']}; {e['date']}; "
        f"Python {e['python']}, {versions}. Random weights."
    )


def _rates(r: Mapping[str, Any]) -> str:
    return (
        f"Products in bfloat16 {_by(r['shape'])}: {r['tflops']:,.0f} TFLOP/s; of a 70B MLP "
        f"{_by(r['mlp_shape'])}: {r['mlp_tflops']:,.0f}, with its weight in NF4 "
        f"{r['mlp_nf4_tflops']:,.0f}; copies {r['copy_gb_per_s']:,.0f} GB/s."
    )


def _by(shape: list[int]) -> str:
    return " × ".join(f"{size:,}" for size in shape)


def _scoring(found: list[Found]) -> str:
    rows = []
    for part in found:
        r = part.result
        hf, ours = r["hf"], r["jmed_hf"]
        equal = (
            f"{r['same_responses']} of {r['requests']} equal"
            if "same_responses" in r
            else f"apart by {r['largest_difference']:.2g} of {r['largest_log_likelihood']:,.0f}"
        )
        note = f" (stock way: {r['stock_way']})" if r["stock_way"] else ""
        rows.append(
            [
                part.title, f"{r['questions']}", f"{hf['tokens']:,} → {ours['tokens']:,}",
                f"{hf['seconds']:.2f} → {ours['seconds']:.2f}{note}", f"{r['ratio']:.2f}",
                f"{hf['tokens_per_second']:,.0f} → {ours['tokens_per_second']:,.0f}", equal,
            ]
        )  # fmt: skip
    heads = ["", "questions", "tokens fed: hf → jmed_hf", "seconds", "times as fast", "tokens/s",
             "answers"]  # fmt: skip
    return _table(heads, rows)


def _exactness(found: list[Found]) -> str:
    rows = []
    for part in found:
        r, off = part.result, part.result["from_float32"]
        each = (f"{off[name]['rms']:.3f}, {off[name]['largest']:.3f}" for name in ("hf", "jmed_hf"))
        rows.append([part.title, "; ".join(r["ways"]), f"{off['requests']}", *each])
    heads = ["", "way", "choices", "hf from float32: rms, largest", "jmed_hf"]
    return _table(heads, rows)


def _wrongs(found: list[Found]) -> str:
    def seen(wrong: Mapping[str, Any], right: Mapping[str, Any]) -> str:
        if wrong["noticed"]:
            return f"{wrong['wrong_by']:.2g}, noticed"
        return "no change" if wrong["wrong_by"] == right["wrong_by"] else f"{wrong['wrong_by']:.2g}"

    named = list(dict.fromkeys(name for part in found for name in part.result["wrongs"]))
    made = [part.result["wrongs"] for part in found]
    rows = [[name, *(seen(wrongs[name], wrongs["none"]) for wrongs in made)] for name in named[1:]]
    rows.insert(0, ["none", *(f"{wrongs['none']['wrong_by']:.2g}" for wrongs in made)])
    return _table(["wrong copies: how far from hf", *(part.title for part in found)], rows)


def _training(found: list[tuple[str, Found]]) -> str:
    rows = []
    for name, part in found:
        r = part.result
        m = r["measured"]
        each = f"{r['per_device_train_batch_size']} × {r['max_length']}"
        how = [
            r.get("attn_implementation", "sdpa"),
            r.get("deepspeed"),
            r.get("optim", "adamw_torch_fused"),
        ]
        how += ["packed"] if r.get("packing") else []
        rows.append(
            [
                part.title, each, ", ".join(filter(None, how)), f"{m['seconds']:.3f}",
                f"{m['padding']:.0%}", f"{r['tokens_per_second']:,.0f}", f"{r['tflops']:,.0f}",
                PUBLISHED.get(name, ("", ""))[0],
            ]
        )  # fmt: skip
    heads = ["", "examples", "with", "seconds a step", "padding", "tokens/s a GPU", "TFLOP/s",
             "published tokens/s"]  # fmt: skip
    said = dict(PUBLISHED[name] for name, _ in found if name in PUBLISHED)
    notes = [f"{rate}: {source}." for rate, source in said.items()]
    return "\n\n".join([_table(heads, rows), *([" ".join(notes)] if notes else [])])


def _plans(found: list[tuple[str, Found]]) -> str:
    rows = []
    for _, part in found:
        whole = part.result["rows"] == "full" or part.result.get("packing")
        if "planned" in part.result and whole:  # memory is planned for examples of full length
            plan, m = part.result["planned"], part.result["measured"]
            rows.append(
                [
                    part.title,
                    *_pair(plan["allocated"] / GIB, m["allocated"] / GIB, 2),
                    *_pair(plan["used"] / GIB, (m["used"] or m["used_on_card"]) / GIB, 2),
                    *_pair(plan["seconds"], m["seconds"], 3),
                ]
            )
    heads = ["planned → measured", "torch gave out, GiB", "×", "nvidia-smi, GiB", "×",
             "seconds a step", "×"]  # fmt: skip
    return _table(heads, rows) if rows else ""


def _pair(planned: float | None, measured: float, digits: int) -> list[str]:
    if not planned or not measured:
        return [f"– → {measured:.{digits}f}", "–"]
    return [f"{planned:.{digits}f} → {measured:.{digits}f}", f"{planned / measured:.2f}"]


def _table(heads: list[str], rows: list[list[Any]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)


def kept(_: str, file: Path = KEPT) -> Iterator[str]:
    """A record of this repository, by lines."""
    yield from markdown(read(file, tiny=False)).splitlines()


if __name__ == "__main__":
    print(markdown(read(Path(sys.argv[1]) if sys.argv[1:] else KEPT, tiny=False)))
