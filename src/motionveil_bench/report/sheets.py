"""Pictures for people: what obfuscations look like, what flow they leave, and where each template is found.

They take frames, so that the same functions draw files, results of any obfuscator, or published video. Videos are
(T, H, W, 3) uint8 RGB, all of one length and size. The sheets show the original: keep them as safe.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from motionveil import drawing, ops
from motionveil._core.errors import OptionError
from motionveil._core.types import Clip, Float32Array, UInt8Array
from motionveil.detection.features import FeatureExtractor
from motionveil.detection.saliency import saliency_maps
from motionveil.detection.templates import ATTRIBUTES, Template, built_in_library, default_library
from motionveil.flow import DISFlow, FlowEstimator
from motionveil.flow.middlebury import flow_colours
from motionveil.obfuscation.factory import Networks
from motionveil.pipeline.runner import Window, first_frames
from motionveil.pipeline.saliency_export import MAPS
from motionveil.video import open_source

from ..copies.libraries import with_found
from ..copies.obfuscations import OBFUSCATIONS, ORIGINAL, get_obfuscation
from .names import obfuscator_name, obfuscator_order
from .writing import Sheet

Videos = Mapping[str, UInt8Array]
_HEIGHT = 150
_ZOOM = 3
"""How much the details of a flow sheet are enlarged."""


def video_sheets(
    source: str | Path,
    names: Sequence[str],
    *,
    substitutes: Mapping[str, str] | None = None,
    dataset: str = "",
    learned: Mapping[str, Path] | None = None,
    num_frames: int = 24,
    height: int = 240,
) -> list[Sheet]:
    """All sheets, of the first frames of a video and what obfuscations of these names make of them.

    substitutes, dataset: see `Obfuscation.with_networks_at_hand` and `for_dataset`. learned: files of learned
    obfuscators by name; they are shown beside the others. Names that are in no table are left out.
    Raises InputError where the video cannot be read, WeightsError where weights are missing or damaged.
    """
    files = learned or {}
    clips = _beginning(source, num_frames, height)
    videos = {ORIGINAL: np.concatenate([clip.frames for clip in clips])}
    for name in sorted({*names, *files}, key=obfuscator_order):
        if name in files:
            videos[name] = _learned(files[name], clips)
        elif name in OBFUSCATIONS:
            made = get_obfuscation(name, substitutes, dataset=dataset)
            assert made is not None
            networks, library = made.networks(), built_in_library()
            if made.looks and made.preset.features != "parts":
                library = with_found(library, networks.extractor(), list(videos[ORIGINAL][:: max(1, num_frames // 6)]))
            stream = made.make(networks, partial(first_frames, source, Window()), library).stream(iter(clips))
            videos[name] = np.concatenate([ops.to_host(clip.frames) for clip in stream])
    sheets = [obfuscation_sheet(videos, moments=2)]
    if len(videos[ORIGINAL]) > 1:
        sheets.append(flow_sheet(videos))
    return [*sheets, saliency_sheet(videos[ORIGINAL][[0, -1]], Networks(MAPS).extractor())]


def _learned(file: Path, clips: Sequence[Clip]) -> UInt8Array:
    from motionveil.learned import load_learned

    return np.concatenate([clip.frames for clip in load_learned(file).stream(iter(clips))])


def _beginning(source: str | Path, num_frames: int, height: int) -> list[Clip]:
    """The first frames of a video at this height, or at their own where that is less."""
    clips: list[Clip] = []
    with open_source(source) as reader:
        for clip in reader:
            kept = clip.frames[: num_frames - sum(map(len, clips))]
            scale = min(1.0, height / kept.shape[1])
            size = (max(1, round(kept.shape[1] * scale)), max(1, round(kept.shape[2] * scale)))
            frames = np.stack([ops.to_host(ops.resize_image(frame, size)) for frame in kept])
            clips.append(Clip(frames, clip.start, clip.pts[: len(kept)]))
            if sum(map(len, clips)) >= num_frames:
                break
    return clips


def saliency_sheet(
    frames: Iterable[UInt8Array],
    extractor: FeatureExtractor,
    templates: Sequence[Template] | None = None,
    *,
    per_row: int = 5,
) -> Sheet:
    """Fig. 4 of Ilic et al. (CVPR 2024): every frame (H, W, 3) and what of it looks like each template.

    templates: made with the same extractor; default the built-in ones of the paper's nine attributes.
    """
    chosen = templates or default_library().made_with(extractor.fingerprint).select(ATTRIBUTES)
    rows = []
    for frame in frames:
        maps = saliency_maps(frame, chosen, extractor)
        tiles = [("input", frame)]
        tiles += [(t.name, drawing.overlay(frame, values)) for t, values in zip(chosen, maps, strict=True)]
        rows += [("", tiles[start : start + per_row]) for start in range(0, len(tiles), per_row)]
    return Sheet(
        "figure_4",
        "Where each template is found.",
        "Saliency of every template, from dark (alike in little) to yellow (exactly alike).",
        drawing.contact_sheet(rows, height=_HEIGHT),
    )


def flow_sheet(
    videos: Videos, *, index: int | None = None, flow: FlowEstimator | None = None, per_row: int = 6
) -> Sheet:
    """Fig. 6: a column for every video; a frame, its flow to the frame before, and a detail of that.

    index: of the frame, default where the original (or else the first video) moves most. All flows have one scale: the
    full colour is the fastest motion of the original. The detail is where the original moves most.
    """
    _check(videos)
    flow = flow or DISFlow()
    first = videos.get(ORIGINAL, next(iter(videos.values())))
    if len(first) < 2:
        raise OptionError("flow needs videos of at least two frames; give longer ones")
    if index is None:
        index = _liveliest(first, flow)
    if not 1 <= index < len(first):
        raise OptionError(f"flow goes to the frame before, so its frame must be one of 1 to {len(first) - 1}")
    height, width = first.shape[1:3]
    flows = {
        name: ops.resize_flow(flow(video[index], video[index - 1]), (height, width)) for name, video in videos.items()
    }
    truth = flows[ORIGINAL] if ORIGINAL in flows else next(iter(flows.values()))
    largest = max(float(np.quantile(np.hypot(truth[..., 0], truth[..., 1]), 0.995)), 1e-3)
    top, left = _busiest(truth, height // _ZOOM, width // _ZOOM)
    columns = []
    for name, video in videos.items():
        colours = flow_colours(flows[name], largest=largest)
        detail = colours[top : top + height // _ZOOM, left : left + width // _ZOOM]
        columns.append([(_title(name), video[index]), ("flow", colours), ("detail", _enlarged(detail))])
    rows = [
        ("", [column[kind] for column in columns[start : start + per_row]])
        for start in range(0, len(columns), per_row)
        for kind in range(3)
    ]
    return Sheet(
        "figure_6",
        "Motion that can still be measured.",
        f"Flow of two consecutive frames in Middlebury colours, one scale for all (full colour: {largest:.1f} pixels).",
        drawing.contact_sheet(rows, height=_HEIGHT),
    )


def obfuscation_sheet(videos: Videos, *, moments: int = 3, per_row: int = 6) -> Sheet:
    """Every obfuscation at some moments, spread evenly from the first frame to the last."""
    _check(videos)
    length = len(next(iter(videos.values())))
    indices = sorted({round(place) for place in np.linspace(0, length - 1, max(1, moments))})
    names = list(videos)
    rows = [
        ("", [(_title(name), videos[name][index]) for name in names[start : start + per_row]])
        for start in range(0, len(names), per_row)
        for index in indices
    ]
    return Sheet(
        "obfuscations",
        "What obfuscations look like.",
        f"The same moments (frames {', '.join(map(str, indices))}) in all of them.",
        drawing.contact_sheet(rows, height=_HEIGHT),
    )


def _title(name: str) -> str:
    """Convert to letters that the font has."""
    text = obfuscator_name(name).replace("×", "x").replace("κ", "k").replace("σ", "s")
    return text.encode("ascii", "replace").decode()


def _check(videos: Videos) -> None:
    shapes = {name: video.shape for name, video in videos.items()}
    if not shapes:
        raise OptionError("there are no videos to draw; give at least one")
    if len(set(shapes.values())) > 1 or any(len(shape) != 4 or 0 in shape for shape in shapes.values()):
        told = ", ".join(f"{name} {shape}" for name, shape in shapes.items())
        raise OptionError(f"videos on one sheet must have one length and size, not {told}")


def _liveliest(video: UInt8Array, flow: FlowEstimator) -> int:
    """The frame, of at most a dozen, with the largest flow to the previous frame."""
    places = sorted({round(place) for place in np.linspace(1, len(video) - 1, 12)})
    return max(places, key=lambda t: float(np.hypot(*np.moveaxis(flow(video[t], video[t - 1]), -1, 0)).mean()))


def _busiest(flow: Float32Array, height: int, width: int) -> tuple[int, int]:
    """Top and left of the window with the most motion, on a grid of quarter windows."""
    speed = np.hypot(flow[..., 0], flow[..., 1])
    places = [
        (top, left)
        for top in range(0, speed.shape[0] - height + 1, max(1, height // 4))
        for left in range(0, speed.shape[1] - width + 1, max(1, width // 4))
    ]
    return max(places, key=lambda place: float(speed[place[0] :, place[1] :][:height, :width].sum()))


def _enlarged(picture: UInt8Array) -> UInt8Array:
    return np.repeat(np.repeat(picture, _ZOOM, axis=0), _ZOOM, axis=1)
