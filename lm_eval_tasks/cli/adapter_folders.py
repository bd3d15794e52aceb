"""Whether adapters can be scored one after the other on one base, seen from their files."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.files.json_file import read_json
from lm_eval_tasks.results.model_name import HUB_NAME, IN_CACHE

CONFIG = "adapter_config.json"
WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")
ALONE = ("delta", "autogptq", "gptqmodel", "tp_plan")
"""With these lm-eval does not get the base, or all of it, from transformers."""
REPACKED = re.compile(r"(-unsloth)?(-bnb-4bit)?$", re.IGNORECASE)
"""What the same base is called once somebody has quantised it."""
SAMPLE = 1 << 20
"""Bytes of a file by which copies of one base are known."""


def check_adapters(adapters: Sequence[str | None], others: Mapping[str, Any]) -> None:
    """Refuse, before anything is loaded, what would be wrong or fail hours later.

    Args:
        adapters: as PEFT takes them, None for the base alone.
        others: the rest of --model_args.

    Raises:
        JmedError: one message with every adapter that is refused.
    """
    for name in ALONE:
        if others.get(name):
            raise JmedError(
                f"--model_args: {name} and several adapters (peft); allowed: one of them"
            )
    wrong = list(_alike(adapters))
    for adapter in dict.fromkeys(adapters):
        if adapter is not None and (why := _why_not(adapter, others)):
            wrong.append(f"peft={adapter}: {why}")
    if wrong:
        raise JmedError("nothing was run:\n" + "\n".join(f"  {line}" for line in wrong))


def _alike(adapters: Sequence[str | None]) -> Iterator[str]:
    from lm_eval.utils import sanitize_model_name  # noqa: PLC0415 (lm-eval, when needed)

    weights: set[object] = set()
    folders: dict[str, str] = {}
    for adapter in adapters:
        is_there = adapter is not None and Path(adapter).exists()
        same = Path(str(adapter)).resolve() if is_there else adapter
        if same in weights:
            yield f"peft={adapter}: stands twice"
            continue
        weights.add(same)
        if adapter is None:
            continue
        folder = sanitize_model_name(adapter)
        if other := folders.get(folder):
            yield (
                f"peft={adapter}: its results would lie in one folder with those of {other} "
                f"({folder}); score one of them in a call of its own, with another --output_path"
            )
        folders[folder] = adapter


def _why_not(adapter: str, others: Mapping[str, Any]) -> str:
    folder = Path(adapter)
    if not folder.is_dir():
        return _why_not_of_hub(adapter, str(others.get("revision") or "main"))
    if not any((folder / name).is_file() for name in WEIGHTS):
        return f"holds neither {' nor '.join(WEIGHTS)}"
    return _why_not_config(folder / CONFIG, str(others.get("pretrained", "")))


def _why_not_of_hub(adapter: str, revision: str) -> str:
    if not HUB_NAME.fullmatch(adapter) or adapter.startswith("."):
        return "no such folder"
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 (slow to import)
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError  # noqa: PLC0415

    try:
        hf_hub_download(adapter, CONFIG, revision=revision)
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        return f"no such folder, and {CONFIG} not had from the Hub: {str(error).splitlines()[0]}"
    return ""


def _why_not_config(file: Path, pretrained: str) -> str:
    try:
        config = read_json(file)
    except JmedError as error:
        return str(error)
    if not isinstance(config, dict) or not config.get("peft_type"):
        return f"{file.name} names no peft_type: it is not PEFT's"
    base = str(config.get("base_model_name_or_path") or "")
    if _is_other(base, pretrained):
        return (
            f"is of the base {base} by its {file.name}, and pretrained={pretrained} is another; if "
            "that is meant, score it in a call of its own"
        )
    return ""


def _is_other(base: str, pretrained: str) -> bool:
    """Whether two names are surely of two models: a copy may lie anywhere, under any name."""
    if Path(base).is_dir() and Path(pretrained).is_dir():
        one, other = Path(base).resolve(), Path(pretrained).resolve()
        return one != other and _samples(one) != _samples(other)
    names = [_of_hub(name) for name in (base, pretrained)]
    return all(names) and names[0] != names[1]


def _samples(folder: Path) -> list[tuple[str, int, bytes]]:
    """Of each file of weights its name, its size and what stands in its middle."""
    files = [*folder.glob("*.safetensors"), *folder.glob("*.bin")]
    return sorted((file.name, file.stat().st_size, _middle(file)) for file in files)


def _middle(file: Path) -> bytes:
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size // 2 - SAMPLE // 2))
        return content.read(SAMPLE)


def _of_hub(name: str) -> str:
    """The last part of a name on the Hub, in small letters; "" for anything else."""
    if cached := IN_CACHE.search(name):
        name = f"{cached[1]}/{cached[2]}"
    if not HUB_NAME.fullmatch(name) or name.startswith(".") or Path(name).exists():
        return ""
    return REPACKED.sub("", name.rpartition("/")[2].lower())
