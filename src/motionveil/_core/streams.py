"""Streams of clips: shared between several consumers, and passed between threads."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from types import TracebackType
from typing import Generic, Self, TypeVar

Item = TypeVar("Item")

_POLL = 0.1
_PATIENCE = 2.0


def fork(items: Iterable[Item], count: int = 2) -> tuple[Iterator[Item], ...]:
    """Several iterators over one stream. Only items that not every iterator has consumed are buffered.

    (`itertools.tee` frees items in blocks of 57, which is too many frames.)
    """
    source = iter(items)
    waiting: list[deque[Item]] = [deque() for _ in range(count)]

    def branch(mine: deque[Item]) -> Iterator[Item]:
        while True:
            if not mine:
                try:
                    item = next(source)
                except StopIteration:
                    return
                for branched in waiting:
                    branched.append(item)
                del item  # otherwise the item would be kept alive while waiting for the next one
            yield mine.popleft()

    return tuple(branch(mine) for mine in waiting)


class _End:
    """Marks the end of a queue, with the error that ended the stream, if any."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Stages:
    """Runs the steps of a job in threads of their own; a context manager that stops them all.

    Calling it with a stream yields the same items, produced up to `depth` ahead by a thread. Decoding, networks and
    encoding release the GIL, so that stages run concurrently. Errors are raised in the consumer, in order.
    """

    def __init__(self, depth: int = 2) -> None:
        self._depth = depth
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._waking: list[Callable[[], None]] = []

    def on_stop(self, wake: Callable[[], None]) -> None:
        """Call this before joining threads, to wake one that waits for a source."""
        self._waking.append(wake)

    @property
    def stuck(self) -> bool:
        """Whether a thread did not stop in time because it waits for a source that delivers nothing."""
        return any(thread.is_alive() for thread in self._threads)

    def __call__(self, items: Iterable[Item], /) -> Iterator[Item]:
        stage = _Stage(items, self._depth, self._stopped)
        thread = threading.Thread(target=stage.produce, name="motionveil-stage", daemon=True)
        self._threads.append(thread)
        thread.start()
        return stage.consume()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()
        for wake in self._waking:
            wake()
        for thread in self._threads:
            thread.join(_PATIENCE / len(self._threads))


class _Stage(Generic[Item]):
    def __init__(self, items: Iterable[Item], depth: int, stopped: threading.Event) -> None:
        self._items: Iterable[Item] | None = items
        self._waiting: queue.Queue[Item | _End] = queue.Queue(maxsize=depth)
        self._stopped = stopped

    def produce(self) -> None:
        end = _End()
        items, self._items = self._items, None
        try:
            for item in items or ():
                if not self._put(item):
                    break
            # A generator must be closed by the thread that runs it.
            if isinstance(items, Generator):
                items.close()
        except BaseException as error:
            end.error = error
        self._put(end)

    def _put(self, item: Item | _End) -> bool:
        while not self._stopped.is_set():
            try:
                self._waiting.put(item, timeout=_POLL)
                return True
            except queue.Full:
                continue
        return False

    def consume(self) -> Iterator[Item]:
        while not self._stopped.is_set():
            try:
                item = self._waiting.get(timeout=_POLL)
            except queue.Empty:
                continue
            if isinstance(item, _End):
                if item.error is not None:
                    try:
                        raise item.error
                    finally:
                        # The error's traceback holds this frame: a reference back would keep all frames alive.
                        item.error = None
                        del item
                return
            yield item
            del item  # otherwise the last clip would be kept alive while waiting for the next one
