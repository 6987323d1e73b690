"""A page to leaf through the clips of a dataset: what they show, and what the method sees in them."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from motionveil import drawing, ops
from motionveil._core.atomic_files import write_file
from motionveil._core.errors import InputError, OutputError
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.detection.saliency import saliency_maps
from motionveil.flow.middlebury import flow_colours
from motionveil.obfuscation.factory import Networks, assemble, choose_templates
from motionveil.obfuscation.obfuscators import Explained
from motionveil.pipeline.runner import Window, first_frames
from motionveil.regions import TemplateSaliency
from motionveil.video import probe

from ..records import Record, Split
from .checking import is_there
from .dataset import AnnotatedDataset

_ASSETS = Path(__file__).resolve().parents[1] / "assets"

STRIPS = ("original", "flow", "saliency", "noise", "obfuscated")
"""The rows of a clip: the frames; the flow to the frame before in Middlebury's colours; the greatest saliency of the
templates over the greyed frame; what the filler puts in place; and the result."""
_MOMENTS = 6
_HEIGHT = 112
_SIDE = 224
_LONGEST = 90
"""Frames of a clip that are looked at, in its middle."""
_FASTEST = 0.02
"""Motion of this share of the picture's height per frame gets the full colour."""
_QUIET = 0.5


@dataclass(frozen=True)
class Shown:
    """A clip on the page."""

    record: Record
    part: str
    label: str
    strips: tuple[tuple[str, str], ...]
    """(name of the row, address that holds its picture)."""


def write_page(
    dataset: AnnotatedDataset,
    path: Path,
    *,
    task: str,
    fold: int = 0,
    limit: int = 24,
    hide: Sequence[str] = ("person",),
    overwrite: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write one self-contained HTML file that shows up to `limit` clips of a split, and return how many it shows.

    The clips are spread evenly over classes and parts; those whose files are missing are left out. hide: templates and
    groups for saliency and result. on_progress: called with how many clips are drawn, and of how many.
    The page shows originals. Raises OutputError where the file exists or cannot be written, InputError where no clip is
    there or one cannot be read.
    """
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already: choose another name or allow it with --overwrite")
    split = dataset.split(task, fold)
    chosen = choose_clips(dataset.root, split, task, limit)
    if not chosen:
        raise InputError(
            f"none of the files of {dataset.name} is below {dataset.root}; see what is missing with: "
            f"motionveil bench data check {dataset.name} --root {dataset.root}"
        )
    networks, shown = Networks(), []
    for number, (part, record) in enumerate(chosen):
        if on_progress is not None:
            on_progress(number, len(chosen))
        strips = tuple((name, _embedded(image)) for name, image in draw_strips(dataset.root, record, networks, hide))
        shown.append(Shown(record, part, label_of(record, task), strips))
    if on_progress is not None:
        on_progress(len(chosen), len(chosen))
    write_file(path, render(dataset, task, fold, split, shown).encode(), private=True)
    return len(shown)


def choose_clips(root: Path, split: Split, task: str, limit: int) -> list[tuple[str, Record]]:
    """(part, record) of up to `limit` clips that are there: of each class and part in turn, in the order of both."""
    queues: dict[tuple[str, str], list[tuple[str, Record]]] = defaultdict(list)
    for part in ("train", "validation", "test"):
        for record in getattr(split, part):
            queues[label_of(record, task), part].append((part, record))
    order = {key: number for number, key in enumerate(sorted(queues))}
    # Parts change faster than classes, so that a short page has all of them.
    labels = sorted({label for label, _ in queues})
    parts = ("train", "validation", "test")
    turns = [
        (label, parts[(number + shift) % 3]) for shift in range(3) for number, label in enumerate(labels)
    ]  # fmt: skip
    picked: list[tuple[int, int, str, Record]] = []
    for round_ in range(max(map(len, queues.values()))):
        for key in turns:
            if round_ < len(queues.get(key, ())):
                part, record = queues[key][round_]
                if is_there(root, record.source):
                    picked.append((order[key], round_, part, record))
                if len(picked) == limit:
                    return [(part, record) for _, _, part, record in sorted(picked, key=lambda item: item[:2])]
    return [(part, record) for _, _, part, record in sorted(picked, key=lambda item: item[:2])]


def label_of(record: Record, task: str) -> str:
    """The label in words."""
    label = record.labels[task]
    return label if isinstance(label, str) else ", ".join(label) or "none"


def draw_strips(
    root: Path, record: Record, networks: Networks, hide: Sequence[str]
) -> Iterator[tuple[str, UInt8Array]]:
    """The rows of a clip, (name, picture): six moments from its beginning to its end, side by side.

    The longest clips are looked at in their middle only. Raises InputError where it cannot be read.
    """
    window, count = window_of(root, record)
    source = root / record.source
    moments = sorted({round(moment) for moment in np.linspace(min(1, count - 1), count - 1, _MOMENTS)})
    tiles: dict[str, list[UInt8Array]] = {name: [] for name in STRIPS}
    seen = 0
    with window.open(source) as reader, ops.single_threaded():
        extractor = networks.extractor(still=reader.info.is_image)
        frames = lru_cache(partial(first_frames, source, window))
        choice = choose_templates(hide, extractor, frames=frames)
        region = TemplateSaliency(extractor, choice.templates, coverage=networks.preset.coverage)
        for explained in assemble(networks.preset, region, networks.flow).explain(reader):
            for index in range(len(explained.original)):
                if seen in moments:
                    saliency = saliency_maps(explained.original.frames[index], choice.templates, extractor).max(0)
                    for name, picture in _moment(explained, index, saliency).items():
                        tiles[name].append(drawing.thumbnail(picture, _HEIGHT))
                seen += 1
    if not seen:
        raise InputError(f"{source} holds none of the frames of {record.name}; fetch that file again")
    for name, pictures in tiles.items():
        yield name, np.hstack([np.pad(picture, [(0, 0), (0, 3), (0, 0)], constant_values=255) for picture in pictures])


def window_of(root: Path, record: Record) -> tuple[Window, int]:
    """How to read a clip's frames, small, and about how many they are."""
    info = probe(root / record.source)
    side = min(_SIDE, info.width, info.height)
    if info.is_image:
        return Window(size=side), 1
    total = info.num_frames or round((info.duration or 0) * info.frame_rate) or record.start + _LONGEST
    stop = record.stop if record.stop is not None else total
    count = min(stop - record.start, _LONGEST)
    first = record.start + (stop - record.start - count) // 2
    rate = info.frame_rate

    def before(frame: int) -> float:
        return float((Fraction(frame) - Fraction(1, 2)) / rate)

    return Window(max(0.0, before(first)), before(first + count), size=side, image_rate=rate), count


def _moment(explained: Explained, index: int, saliency: Float32Array) -> dict[str, UInt8Array]:
    clip = explained.original
    frame = clip.frames[index]
    return {
        "original": frame,
        "flow": _flow(clip, index),
        "saliency": drawing.overlay(frame, saliency),
        "noise": explained.filling[index],
        "obfuscated": explained.obfuscated.frames[index],
    }


def _flow(clip: Clip, index: int) -> UInt8Array:
    """The flow to the frame before, in colours; white where there is none."""
    height, width = clip.frames.shape[1:3]
    flow = clip.flow_to_previous[index] if clip.flow_to_previous is not None else None
    if flow is None:
        return np.full((height, width, 3), 255, np.uint8)
    return flow_colours(ops.resize_flow(flow, (height, width)), largest=max(_QUIET, _FASTEST * height))


def _embedded(image: UInt8Array) -> str:
    return "data:image/jpeg;base64," + base64.b64encode(drawing.encode_image(image, ".jpg")).decode()


def render(dataset: AnnotatedDataset, task: str, fold: int, split: Split, clips: Sequence[Shown]) -> str:
    """The page; every text in it is escaped, and nothing is loaded from anywhere."""
    environment = Environment(
        loader=FileSystemLoader(_ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("dataset.html.j2").render(
        dataset=dataset,
        task=dataset.tasks[task],
        fold=fold,
        sizes={part: len(getattr(split, part)) for part in ("train", "validation", "test")},
        clips=clips,
        labels=sorted({clip.label for clip in clips}),
    )
