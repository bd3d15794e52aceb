"""What a run folder holds: nothing, a run that goes on or is finished, or something else."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Self

from lm_eval_tasks.errors import JmedError
from lm_eval_tasks.results.training_record import RUN_FILE, TrainingRecord, read_record
from trainer.mark import Digest
from trainer.training.checkpoints import Choice, choose, last_whole, remove_partial, set_aside

LOCK_FILE, HOLDER_FILE = "_lock", "_running.json"
"""An underscore keeps a file out of what is pushed to the Hub."""
DRAFTS = (f".{RUN_FILE}.", ".recipe.yaml.", f".{HOLDER_FILE}.", ".shared.")
"""Beginnings of names that a kill can leave behind."""


@dataclass(frozen=True)
class RunFolder:
    """What a run finds in its folder, read once: nothing, an unfinished run or a finished one."""

    path: Path
    before: TrainingRecord | None
    """The record of the run that is there, None in a fresh folder."""

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what is there.

        Raises:
            JmedError: run.json is there and is not a record.
        """
        return cls(path, read_record(path))

    @property
    def is_finished(self) -> bool:
        return self.before is not None and self.before.is_finished

    @property
    def template_day(self) -> date | None:
        """The day a resumed run began: some templates write the date into every prompt."""
        return self.before.data.template_day if self.before else None

    def check(self, *, resume: bool) -> None:
        """See that a run may begin or go on here, or is finished.

        A kill within the first moments of a run leaves nothing but a lock and drafts.

        Raises:
            JmedError: the folder holds a run that --resume was not given for, or something else.
        """
        if self.before is None:
            foreign = [path.name for path in _inside(self.path) if not _is_own(path)]
            if foreign:
                raise JmedError(
                    f"train.output_dir: {self.path} holds files and no run "
                    f"({', '.join(foreign[:3])}); allowed: a new folder"
                )
        elif not (resume or self.is_finished) and (whole := last_whole(self.path)):
            raise JmedError(
                f"train.output_dir: {self.path} holds an unfinished run with {whole.name}; "
                "allowed: --resume to go on with it, or another output_dir"
            )

    def choose(self, digest: Digest) -> Choice:
        """The checkpoint that an unfinished run goes on from.

        Args:
            digest: `sha256` here, or shared by the ranks.

        Raises:
            JmedError: there were whole ones, and none of them is left.
        """
        if self.before is None or self.is_finished:
            return Choice()
        return choose(self.path, digest)

    def check_unchanged(self) -> None:
        """See, once the folder is locked, that no other run was here since it was read.

        Raises:
            JmedError: one was.
        """
        if read_record(self.path) != self.before:
            raise JmedError(f"train.output_dir: {self.path}: another run was here meanwhile")

    def make_way(self, choice: Choice) -> list[Path]:
        """Set damaged checkpoints aside, and delete what a kill left half written.

        Returns:
            The half-written checkpoints that were deleted.
        """
        for path in _inside(self.path):
            if path.name.startswith(DRAFTS):
                path.unlink(missing_ok=True)
        for path in choice.damaged:
            set_aside(path)
        return remove_partial(self.path)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_own(path: Path) -> bool:
    return path.name in (LOCK_FILE, HOLDER_FILE) or path.name.startswith(DRAFTS)
