"""All measurements taken in one pass over original and output."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import ceil

import numpy as np

from .. import ops
from .coverage import CoverageMeter, CoverageResult
from .detectors import Detection, Detector
from .difference import touched
from .excerpts import ExcerptChooser
from .footage import BoolArray, Excerpt, Pair, PairReader
from .parts import PartFinder, people_in
from .redetection import Redetection, RedetectionResult

MOST_LOOKS = 2000
"""Maximum number of frames examined for coverage; in long videos at least one per `LONGEST_STEP` seconds."""
LONGEST_STEP = 0.2
MOST_DETECTIONS = 600
"""Maximum number of frames on which detectors run."""


@dataclass(frozen=True)
class Measures:
    """The results of one pass over original and output.

    num_frames: frames read. touched: mean fraction of a frame that differs from the original. excerpts: to be attacked.
    """

    num_frames: int
    touched: float
    coverage: CoverageResult
    redetection: RedetectionResult
    excerpts: tuple[Excerpt, ...]


@dataclass(frozen=True)
class _Seen:
    """A pair of frames and what was found in it; None if not examined.

    parts: (K, r, c) in the original, parts_after: in the output. detections: in both.
    """

    pair: Pair
    touched: BoolArray
    parts: BoolArray | None = None
    parts_after: BoolArray | None = None
    detections: tuple[Sequence[Detection], Sequence[Detection]] = ((), ())


def strides(expected: int | None, rate: float) -> tuple[int, int]:
    """Strides of the frames examined for coverage and by detectors; the latter is a multiple of the former.

    expected: number of frames, None if unknown. rate: frames per second.
    """
    looks = max(1, min(ceil((expected or 0) / MOST_LOOKS), int(LONGEST_STEP * rate)))
    return looks, looks * max(1, ceil((expected or 0) / looks / MOST_DETECTIONS))


def measure(
    footage: PairReader,
    *,
    detectors: Sequence[Detector] = (),
    finder: PartFinder | None = None,
    asked: Collection[str] | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Measures:
    """Read original and output once, and measure coverage, re-detection and the excerpts for all other measurements.

    Args:
        footage: Original and output.
        detectors: Detectors to run on both, see `detectors`.
        finder: Locates body parts; None for the embedded encoder.
        asked: Names of the parts that were to be hidden, and are attacked; None for all.
        on_progress: Called with the number of processed frames.

    Raises:
        OptionError: As `PairReader`.
    """
    finder = finder or PartFinder(threads=1)
    named = [index for index, name in enumerate(finder.names) if asked is None or name in asked]
    # If areas were to be hidden, people in them are examined.
    hidden = named or list(range(len(finder.names)))
    every, seldom = strides(footage.expected, float(footage.info.frame_rate))
    coverage = CoverageMeter(finder.names, step=every / footage.info.frame_rate, stride=every)
    redetection = Redetection(
        finder.names, kinds=[kind for detector in detectors for kind in detector.kinds], stride=seldom
    )
    chooser = ExcerptChooser(expected=footage.expected)
    count, share, people = 0, 0.0, np.zeros((1, 1), bool)
    with ops.single_threaded(), footage.stages() as stage:
        seen = stage(_touched(stage(footage.pairs(stage=stage))))
        seen = stage(_looked_again(stage(_looked(seen, finder, every)), finder, seldom))
        for item in stage(_detected(seen, detectors, seldom)):
            count += 1
            share += float(np.count_nonzero(item.touched)) / item.touched.size
            if item.parts is not None:
                people = people_in(item.parts[hidden], item.touched.shape)
            chooser.add(item.pair, item.touched, people)
            if item.parts is not None:
                coverage.add(item.pair, item.touched, item.parts)
                if item.parts_after is not None:
                    redetection.add(item.pair, (item.parts, item.parts_after), item.detections)
            if on_progress is not None:
                on_progress(count)
    return Measures(count, share / count, coverage.result(), redetection.result(), chooser.result())


def _touched(pairs: Iterable[Pair]) -> Iterator[_Seen]:
    for pair in pairs:
        yield _Seen(pair, touched(pair.original, pair.output))


def _looked(seen: Iterable[_Seen], finder: PartFinder, stride: int) -> Iterator[_Seen]:
    for item in seen:
        yield item if item.pair.index % stride else replace(item, parts=finder(item.pair.original))


def _looked_again(seen: Iterable[_Seen], finder: PartFinder, stride: int) -> Iterator[_Seen]:
    for item in seen:
        yield item if item.pair.index % stride else replace(item, parts_after=finder(item.pair.output))


def _detected(seen: Iterable[_Seen], detectors: Sequence[Detector], stride: int) -> Iterator[_Seen]:
    for item in seen:
        if item.pair.index % stride or not detectors:
            yield item
            continue
        frames = item.pair.original, item.pair.output
        before, after = ([found for detector in detectors for found in detector(frame[None])[0]] for frame in frames)
        yield replace(item, detections=(before, after))
