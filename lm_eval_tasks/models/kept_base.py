"""One base for several adapters: read once, and handed out as it was read.

Each adapter is scored by a model object of its own, which lm-eval makes as in a call of its own;
what would take long, reading the base, is left out. Nothing of PEFT is trusted to leave the base as
it was: its modules are put back one by one, and its numbers are added up before each use.
"""

import gc
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from lm_eval.models.huggingface import HFLM

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.models.adapter_weights import all_there, refuse_strange
from lm_eval_tasks.models.base import Base
from lm_eval_tasks.models.turns import TURNS

log = logging.getLogger("lm_eval.jmed")


class Kept:
    """Stands for transformers' class while lm-eval makes a model.

    Attributes:
        reads: how often a base was read.
    """

    def __init__(self, adapters: Sequence[str]) -> None:
        self._untried = list(dict.fromkeys(adapters))
        self._base: Base | None = None
        self._drawn: tuple[torch.Tensor, torch.Tensor] | None = None
        self.reads = 0

    @contextmanager
    def instead_of(self, lm: Any) -> Iterator[None]:  # noqa: ANN401
        """lm-eval's HFLM asks this object for the base."""
        self._class = lm.AUTO_MODEL_CLASS
        lm.AUTO_MODEL_CLASS = self
        try:
            yield
        finally:
            lm.AUTO_MODEL_CLASS = self._class

    def from_pretrained(self, name: str, **settings: Any) -> Any:  # noqa: ANN401
        """As transformers'."""
        asked = (name, _files(name), repr(sorted(settings.items())))
        if self._base and self._is_same(self._base, asked):
            self._draw()
            return self._base.model
        self._base = None
        gc.collect()  # what holds adapters holds the base, in a circle
        before = torch.get_rng_state()
        model = self._class.from_pretrained(name, **settings)
        self._drawn = before, torch.get_rng_state()
        self.reads += 1
        try:
            self._base = Base(model, asked)
        except (RuntimeError, TypeError, AttributeError) as error:
            # offloaded, or tensors of another library's kind
            why = str(error).splitlines()[0]
            log.warning("the base cannot be kept, and is read again for each adapter: %s", why)
        return model

    def _is_same(self, base: Base, asked: object) -> bool:
        if base.asked != asked:
            log.warning("the base was changed on the disk: it is read again")
            return False
        if not base.restore():
            log.warning("an adapter has changed the base itself: it is read again")
            return False
        return True

    def _draw(self) -> None:
        """Leave torch's random numbers where reading the base, after the same seed, left them."""
        if self._drawn and torch.equal(torch.get_rng_state(), self._drawn[0]):
            torch.set_rng_state(self._drawn[1])

    def try_adapters(self, load: Callable[[str | None], object]) -> None:
        """Put each adapter on once, before the first question is asked.

        Raises:
            JmedError: one message with every adapter that cannot be loaded.
        """
        wrong = []
        if self._untried:
            load(None)  # what is wrong with the base is not said of each adapter
        while self._untried:
            adapter = self._untried.pop(0)
            try:
                with torch.random.fork_rng(range(torch.cuda.device_count())):
                    load(adapter)
            except JmedError as error:
                wrong.append(str(error))
            except Exception as error:  # noqa: BLE001 (of PEFT, torch, safetensors, the Hub)
                wrong.append(f"peft={adapter}: {type(error).__name__}: {str(error)[:500]}")
        if wrong:
            raise JmedError("adapters that cannot be loaded; nothing was scored:\n  "
                            + "\n  ".join(wrong))  # fmt: skip


class WithAdapter(HFLM):  # type: ignore[misc]  # lm_eval has no types
    """HFLM that refuses adapters whose weights found no place, and may be given a base."""

    def _create_model(self, *args: Any, peft: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        revision = str(kwargs.get("revision") or "main")

        def load(peft: str | None) -> None:
            if not peft:
                super(WithAdapter, self)._create_model(*args, peft=peft, **kwargs)
                return
            with all_there(peft):
                super(WithAdapter, self)._create_model(*args, peft=peft, **kwargs)
            refuse_strange(self._model, peft, revision, "it was trained on another model")

        turns = TURNS.get()
        if turns is None:
            load(peft)
            return
        turns.kept = kept = turns.kept or Kept(turns.adapters)
        with kept.instead_of(self):
            kept.try_adapters(load)
            load(peft)


def _files(name: str) -> list[tuple[str, int, int]]:
    """What tells a local folder from another state of it."""
    folder = Path(name)
    files = [file for file in folder.glob("*") if file.is_file()] if folder.is_dir() else []
    stats = [(file.name, file.stat()) for file in files]
    return sorted((name, stat.st_size, stat.st_mtime_ns) for name, stat in stats)
