"""What an answer depends on, as a hash: an answer is taken up again under the same key only."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from lm_eval_tasks.errors import JmedError

Version = Callable[[str], object]
"""Task name -> its `metadata.version`."""


def keys_of(
    kind: str, requests: Sequence[Any], model: str, version: Version, seeds: Sequence[object] = ()
) -> Iterator[str]:
    """The key of each request of one call.

    Args:
        kind: "loglikelihood", "loglikelihood_rolling" or "generate_until".
        requests: lm-eval's instances; `args` are prompt and continuation, or prompt and generation
            settings, and the images where there are any.
        model: hash of all that the model is, see `identity`.
        seeds: of the run, on which a sampled answer depends.

    The same request again, as `repeats` asks it, has a key of its own by its number.

    Raises:
        JmedError: an argument of which nobody can say whether it is the same.
    """
    asked: dict[str, int] = {}
    for request in requests:
        task = str(request.task_name)
        beside = getattr(request, "additional_args", None)  # lm-eval 0.5 has the images there
        drawn = [list(seeds)] if kind == "generate_until" and _is_drawn(request.args[1]) else []
        key = hashed([model, kind, task, version(task), list(request.args), beside, *drawn])
        asked[key] = asked.get(key, 0) + 1
        yield hashed([key, asked[key]])


def _is_drawn(settings: Mapping[str, Any]) -> bool:
    return bool(settings.get("do_sample") or settings.get("temperature"))


def hashed(value: object) -> str:
    """sha256 of JSON with sorted keys; images and arrays count by their pixels and numbers."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=_content).encode()).hexdigest()


def _content(value: object) -> object:
    if not hasattr(value, "tobytes"):
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        raise JmedError(f"--resume: requests with {kind} cannot be told apart; run without it")
    form = [str(getattr(value, name, "")) for name in ("mode", "size", "dtype", "shape")]
    return [form, hashlib.sha256(value.tobytes()).hexdigest()]
