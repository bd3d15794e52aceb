"""Work done by several threads at a time, its results as they come."""

from collections.abc import Callable, Iterator, Sequence
from queue import Queue
from threading import Event, Lock, Thread
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def worked(
    items: Sequence[Item], work: Callable[[Item], Result], threads: int, stopping: Event
) -> Iterator[tuple[int, Result]]:
    """Yield (place, result) of each item, in the order in which they are finished.

    The first error ends it. Threads that still wait for an answer are left behind, and end with
    the process.

    Args:
        stopping: set when no more work is begun: after an error, or where the caller leaves.

    Raises:
        Exception: what `work` raised.
    """
    results: Queue[tuple[int, Result | BaseException]] = Queue()
    places = iter(range(len(items)))
    lock = Lock()

    def run() -> None:
        while not stopping.is_set():
            with lock:
                place = next(places, None)
            if place is None:
                return
            try:
                results.put((place, work(items[place])))
            except BaseException as error:  # noqa: BLE001 it is raised where it is waited for
                results.put((place, error))
                return

    for _ in range(min(threads, len(items))):
        Thread(target=run, daemon=True).start()
    try:
        for _ in items:
            place, result = results.get()
            if isinstance(result, BaseException):
                raise result
            yield place, result
    finally:
        stopping.set()
