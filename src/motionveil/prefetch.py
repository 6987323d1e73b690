"""Run the earlier part of a stream in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterable
from typing import TypeVar

Item = TypeVar("Item")


class _End:
    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


def prefetch(items: Iterable[Item], *, depth: int = 2) -> Generator[Item, None, None]:
    """The same items, made up to `depth` ahead in a thread.

    Decoding, networks and encoding release Python's lock, so that stages joined by `prefetch` run at the same time.
    An error of the producer is raised here, in its place. Closing the generator stops the thread.
    """
    waiting: queue.Queue[Item | _End] = queue.Queue(maxsize=depth)
    stopped = threading.Event()

    def put(item: Item | _End) -> bool:
        while not stopped.is_set():
            try:
                waiting.put(item, timeout=0.1)
                return True
            except queue.Full:
                continue
        return False

    def produce() -> None:
        end = _End()
        try:
            for item in items:
                if not put(item):
                    break
        except BaseException as error:
            end = _End(error)
        finally:
            # A generator must be closed by the thread that runs it.
            close = getattr(items, "close", None)
            if close is not None:
                close()
            put(end)

    thread = threading.Thread(target=produce, name="motionveil-prefetch", daemon=True)
    thread.start()
    try:
        while True:
            item = waiting.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item
    finally:
        stopped.set()
        thread.join()
