"""lm-eval's `simple_evaluate` with a model that goes on where it was."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.resume.answers import Answers
from lm_eval_tasks.resume.identity import identity
from lm_eval_tasks.resume.key import Version
from lm_eval_tasks.resume.resumed import Resumed


@contextmanager
def resuming(folder: Path) -> Iterator[None]:
    """While it holds, runs of lm-eval keep their answers in `folder` and take up those there.

    lm-eval has a place for this, `--use_cache`, whose own class knows neither the model nor its
    content (lm-eval issue 4063): here its CachingLM is another one.
    """
    import lm_eval  # noqa: PLC0415 (slow, and a bad argument need not wait for it)
    import lm_eval.api.model as place  # noqa: PLC0415

    stock, caching = lm_eval.simple_evaluate, place.CachingLM

    def simple_evaluate(**settings: Any) -> Any:  # noqa: ANN401 (lm-eval's)
        if settings.get("use_cache"):
            raise JmedError("--resume keeps the answers; leave --use_cache out")
        name, arguments = settings["model"], _mapping(settings.get("model_args"))
        version = version_of(settings.get("task_manager"))
        seeds = [
            settings.get(f"{name}_seed") for name in ("random", "numpy_random", "torch_random")
        ]
        # what is wrong with the folder is not to be found when the model is loaded
        Answers(folder, int(os.environ.get("RANK", "0"))).close()
        with ExitStack() as opened:

            def resumed(lm: Any, file: str) -> Resumed:  # noqa: ANN401
                rank = int(Path(file).stem.rpartition("_rank")[2])
                answers = opened.enter_context(closing(Answers(folder, rank)))
                return Resumed(lm, answers, identity(name, arguments), version, seeds)

            place.CachingLM = resumed
            return stock(**settings | {"use_cache": str(folder / "answers")})

    lm_eval.simple_evaluate = simple_evaluate
    try:
        yield
    finally:
        lm_eval.simple_evaluate, place.CachingLM = stock, caching


def version_of(manager: Any) -> Version:  # noqa: ANN401 (lm-eval's TaskManager)
    """Task name -> `metadata.version` of its YAML; None of a task that has none."""
    from lm_eval.tasks._yaml_loader import load_yaml  # noqa: PLC0415

    found: dict[str, object] = {}

    def version(task: str) -> object:
        if task not in found:
            entry = manager._index.get(task) if manager else None
            file = getattr(entry, "yaml_path", None)
            metadata = load_yaml(file, resolve_func=False).get("metadata") if file else None
            found[task] = (metadata or {}).get("version")
        return found[task]

    return version


def _mapping(arguments: object) -> Mapping[str, Any]:
    if isinstance(arguments, str):
        from lm_eval.utils import simple_parse_args_string  # noqa: PLC0415

        parsed: Mapping[str, Any] = simple_parse_args_string(arguments)
        return parsed
    return arguments if isinstance(arguments, Mapping) else {}
