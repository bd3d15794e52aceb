"""The global batch of a recipe -> micro-batches on the processes at hand."""

from dataclasses import dataclass

from lm_eval_tasks.errors import JmedError


@dataclass(frozen=True)
class Batch:
    """total = micro × accumulation × processes, in examples (packed rows where packing is on)."""

    total: int
    micro: int
    accumulation: int
    processes: int

    def __str__(self) -> str:
        return (
            f"{self.total} = {self.micro} per device × {self.accumulation} accumulation × "
            f"{self.processes} process{'es' if self.processes > 1 else ''}"
        )


def split_batch(total: int, micro: int, processes: int) -> Batch:
    """Derive gradient accumulation.

    Raises:
        JmedError: the processes cannot share the batch; says which numbers could.
    """
    accumulation, rest = divmod(total, micro * processes)
    if rest or not accumulation:
        fitting = [n for n in range(1, total + 1) if total % (n * processes) == 0]
        allowed = (
            f"train.per_device_train_batch_size: {', '.join(map(str, fitting))}"
            if fitting
            else f"a number of processes that divides {total}"
        )
        raise JmedError(
            f"train_batch_size {total} is not a multiple of {micro} per device × {processes} "
            f"processes; allowed: {allowed}"
        )
    return Batch(total, micro, accumulation, processes)
