"""SIGTERM, SIGUSR1 and SIGINT end a run after its current step, with a whole checkpoint.

Slurm and PBS send SIGTERM before they preempt a job or its time is over, Slurm the signal of
`--signal` minutes earlier; Kubernetes sends SIGTERM before it moves a pod.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import torch
import torch.distributed
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

SIGNALS = (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT)
TRY_AGAIN = os.EX_TEMPFAIL
"""Exit status 75 of sysexits.h: nothing is wrong, and the same command with --resume goes on."""
ONE_EVENT = 3.0
"""Seconds in which further signals are the same event: schedulers signal every process of a job,
and the launcher then its workers once more."""


class Interrupted(Exception):  # noqa: N818  not an error
    """The run ended early, as it was asked to. status: that of the process."""

    def __init__(self, by: signal.Signals, step: int) -> None:
        super().__init__(f"interrupted by {by.name} after step {step}; --resume goes on from there")
        self.status = 128 + by if by is signal.SIGINT else TRY_AGAIN


class Interrupt(TrainerCallback):
    """Saves and stops once any rank was signalled; all ranks agree on the step.

    by: the signal that ended the run, None if none did.
    """

    def __init__(self) -> None:
        self.by: signal.Signals | None = None
        self._received = 0
        self._since = 0.0
        self._agreed = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Listen to signals while training: outside it there is no step to end."""
        process = os.getpid()

        def take(number: int, _: FrameType | None) -> None:
            if os.getpid() != process:
                return  # a worker that loads data: it ends with this process
            now = time.monotonic()
            if self._received and now - self._since > ONE_EVENT:
                signal.signal(number, signal.SIG_DFL)
                os.kill(process, number)
            elif not self._received:
                self._received, self._since = number, now
                name = signal.Signals(number).name
                line = f"\n{name}: ends after this step with a checkpoint; sent again: at once\n"
                with suppress(OSError, ValueError):  # closed, or its reader went away
                    os.write(sys.stderr.fileno(), line.encode())

        # a shell has the jobs of its background ignore Ctrl-C, which is for the one in front
        heard = [n for n in SIGNALS if signal.getsignal(n) is not signal.SIG_IGN]
        before = {number: signal.signal(number, take) for number in heard}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        self._agreed = self._agreed or _highest(self._received, args.device)
        if self._agreed and not _ends(state, control):
            control.should_log = control.should_save = True

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Stop here and not before: what is saved must not say that the run is to stop."""
        if self._agreed and not _ends(state, control):
            self.by = signal.Signals(self._agreed)
            control.should_training_stop = True
            args.load_best_model_at_end = False  # nothing is to be kept but the checkpoint

    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Neither evaluate nor save twice: transformers calls this when it leaves an epoch, too."""
        if self.by:
            control.should_log = control.should_evaluate = control.should_save = False


def _ends(state: TrainerState, control: TrainerControl) -> bool:
    """Whether the run ends here by itself."""
    return bool(control.should_training_stop) or state.global_step >= state.max_steps


def _highest(own: int, device: torch.device) -> int:
    """The highest number of all ranks: what one of them was sent, all of them obey."""
    if not torch.distributed.is_initialized():
        return own
    sent = torch.tensor([own], device=device)
    torch.distributed.all_reduce(sent, op=torch.distributed.ReduceOp.MAX)
    return int(sent.item())
