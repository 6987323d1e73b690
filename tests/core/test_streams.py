"""Streams across threads, and between two readers."""

from __future__ import annotations

import gc
import threading
import time
import weakref
from collections.abc import Iterator
from itertools import count

import pytest

from motionveil._core.streams import Stages, fork


class Thing:
    """Something that can be watched."""


def stage_threads() -> int:
    return sum(thread.name == "motionveil-stage" for thread in threading.enumerate())


def test_fork_gives_the_same_items_twice() -> None:
    a, b = fork(iter(range(10)))
    assert [next(a) for _ in range(4)] == [0, 1, 2, 3]
    assert list(b) == list(range(10))
    assert list(a) == [4, 5, 6, 7, 8, 9]


def test_fork_holds_only_what_lies_between_its_readers() -> None:
    alive: list[weakref.ref[Thing]] = []

    def things() -> Iterator[Thing]:
        for _ in range(100):
            thing = Thing()
            alive.append(weakref.ref(thing))
            yield thing
            del thing

    a, b = fork(things())
    for _ in range(50):
        next(a), next(b)
    assert sum(ref() is not None for ref in alive) <= 1


def test_the_same_items_in_order() -> None:
    with Stages() as stage:
        assert list(stage(stage(iter(range(50))))) == list(range(50))
        assert list(stage([])) == []


def test_errors_come_through_in_their_place() -> None:
    def items() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    with Stages() as stage:
        stream = stage(x for x in stage(items()))
        assert [next(stream), next(stream)] == [1, 2]
        with pytest.raises(ValueError, match="broken"):
            next(stream)


def test_it_runs_ahead_but_not_far() -> None:
    made = []

    def items() -> Iterator[int]:
        for i in range(100):
            made.append(i)
            yield i

    with Stages(depth=3) as stage:
        next(stage(items()))
        time.sleep(0.3)
        assert 3 <= len(made) <= 6


def test_leaving_stops_every_stage_and_closes_what_it_read() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from count()
        finally:
            closed.set()

    gc.disable()
    try:
        with Stages() as stage:
            stream = stage(x * 2 for x in stage(items()))
            assert [next(stream) for _ in range(5)] == [0, 2, 4, 6, 8]
        assert closed.wait(2)
        assert not stage.stuck
        assert stage_threads() == 0
    finally:
        gc.enable()


def test_an_error_leaves_no_threads() -> None:
    gc.disable()
    try:
        with pytest.raises(ZeroDivisionError), Stages() as stage:
            list(stage(1 // (5 - x) for x in stage(count())))
        assert stage_threads() == 0
    finally:
        gc.enable()


def test_a_source_that_fails_to_close_is_an_error_and_no_deadlock() -> None:
    def items() -> Iterator[int]:
        try:
            yield 1
        finally:
            raise OSError("device gone")

    with Stages() as stage, pytest.raises(OSError, match="device gone"):
        list(stage(items()))


def test_a_source_that_hangs_does_not_hang_the_rest() -> None:
    release = threading.Event()

    def items() -> Iterator[int]:
        yield 1
        release.wait(30)

    begin = time.monotonic()
    with Stages() as stage:
        stream = stage(stage(items()))
        assert next(stream) == 1
    assert time.monotonic() - begin < 5
    assert stage.stuck
    release.set()
