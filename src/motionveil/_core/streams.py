"""Streams of clips: shared between several readers, and passed from thread to thread."""

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
    """Several iterators over one stream; what one has read and another has not is kept, and nothing else.

    (`itertools.tee` lets go of items in blocks of 57, which are too many frames.)
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
                del item  # or a frame would be held while the next one is waited for
            yield mine.popleft()

    return tuple(branch(mine) for mine in waiting)


class _End:
    """Closes a queue, with the error that ended the stream, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


class Stages:
    """Steps of one job, each in a thread of its own; a context manager that stops them all.

    Calling it with a stream gives the same items, made up to `depth` ahead by a thread. Decoding, networks and encoding
    release Python's lock, so that stages run at the same time. An error is raised in the consumer, in its place.
    """

    def __init__(self, depth: int = 2) -> None:
        self._depth = depth
        self._stopped = threading.Event()
        self._threads: list[threading.Thread] = []
        self._waking: list[Callable[[], None]] = []

    def on_stop(self, wake: Callable[[], None]) -> None:
        """Call this before threads are waited for, to let go one that waits for a source."""
        self._waking.append(wake)

    @property
    def stuck(self) -> bool:
        """Whether a thread did not end in time when it was told to: it waits for a source that gives nothing."""
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
            del item  # or the last clip would be held while the next one is waited for
