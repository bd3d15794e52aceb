"""Which model answers: its name, its arguments, the content of its files, and what runs it."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from lm_eval_tasks import __version__

HOW_FAST = frozenset({
    "batch_size", "cache_dir", "device", "download_dir", "gpu_memory_utilization",
    "max_batch_size", "max_retries", "num_concurrent", "offload_folder", "timeout",
})  # fmt: skip
"""Arguments that say where and how fast, not what is answered: they may change on the way."""
PACKAGES = ("lm_eval", "torch", "transformers", "peft", "bitsandbytes", "vllm", "sglang")
NAMED = ("config.json", "adapter_config.json", "tokenizer_config.json")
"""A file that a repository of the Hub has, by which its commit is found in the cache."""


def identity(model: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """All that an answer owes to the model, as JSON; to be called when the model is loaded.

    files: path -> sha256, of each local folder and file that an argument names; a folder by the
        files in it, not those in its folders, `subfolder` aside.
    commits: of repositories of the Hub, as they lie in the cache. Of a server there is neither:
        its address and the model's name are all that is known of it.
    """
    asked = {key: value for key, value in sorted(arguments.items()) if key not in HOW_FAST}
    values = [part for value in asked.values() for part in _texts(value)]
    subfolder = str(arguments.get("subfolder") or "")
    found = sorted({file for value in values for file in _files(value, subfolder)})
    with ThreadPoolExecutor() as pool:
        digests = list(pool.map(_digest, found))
    revision = str(arguments.get("revision") or "main")
    of_tokenizer = str(arguments.get("tokenizer_revision") or revision)
    tokenizer = str(arguments.get("tokenizer") or arguments.get("pretrained"))
    named = [*NAMED, *filter(None, [str(arguments.get("gguf_file") or "")])]
    commits = {value: _commit(value, revision, named) for value in values}
    if of_tokenizer != revision:
        commits[f"{tokenizer} (tokenizer)"] = _commit(tokenizer, of_tokenizer, named)
    return {
        "model": model,
        "model_args": {key: str(value) for key, value in asked.items()},
        "files": dict(zip(map(str, found), digests, strict=True)),
        "commits": {value: commit for value, commit in commits.items() if commit},
        "software": {"jmed": __version__} | dict(_versions()),
    }


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, dict):
        yield from _texts(list(value.values()))


def _files(value: str, subfolder: str) -> Iterator[Path]:
    path = Path(value)
    try:
        if value and path.is_file():
            yield path
        elif value and path.is_dir():
            for folder in {path, path / subfolder}:
                yield from (file for file in folder.glob("*") if file.is_file())
    except OSError:  # a text too long for a path, as a URL with a query may be
        return


def _digest(file: Path) -> str:
    stat = file.stat()
    return _digest_of(file, stat.st_ino, stat.st_size, stat.st_mtime_ns)


@cache  # a base of many GB, of which several adapters are scored
def _digest_of(file: Path, *_: int) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _commit(value: str, revision: str, named: Sequence[str]) -> str:
    from huggingface_hub import try_to_load_from_cache  # noqa: PLC0415 (slow to import)
    from huggingface_hub.errors import HFValidationError  # noqa: PLC0415

    for at in (revision, "main"):
        for name in named:
            try:
                file = try_to_load_from_cache(value, name, revision=at)
            except HFValidationError:  # no name of a repository
                return ""
            if isinstance(file, str):
                return Path(file).parent.name
    return ""


def _versions() -> Iterator[tuple[str, str]]:
    for package in PACKAGES:
        try:
            yield package, version(package)
        except PackageNotFoundError:
            continue
