"""Streams across threads."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from motionveil.prefetch import prefetch


def test_the_same_items_in_order() -> None:
    assert list(prefetch(iter(range(50)))) == list(range(50))
    assert list(prefetch([])) == []


def test_errors_come_through_in_their_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    stream = prefetch(items())
    assert [next(stream), next(stream)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(stream)


def test_it_runs_ahead_but_not_far() -> None:
    made = []

    def items() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    stream = prefetch(items(), depth=3)
    next(stream)
    time.sleep(0.3)
    assert 3 <= len(made) <= 6
    stream.close()


def test_closing_stops_the_producer_and_closes_it() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            while True:
                yield 0
        finally:
            closed.set()

    before = threading.active_count()
    stream = prefetch(items())
    next(stream)
    stream.close()
    assert closed.wait(2)
    assert threading.active_count() == before


def test_an_infinite_chain_can_be_left() -> None:
    def count() -> Iterator[int]:
        i = 0
        while True:
            yield i
            i += 1

    stream = prefetch(x * 2 for x in prefetch(count()))
    assert [next(stream) for _ in range(5)] == [0, 2, 4, 6, 8]
    stream.close()
