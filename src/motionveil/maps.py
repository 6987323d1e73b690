"""Saliency maps as files: one folder per attribute, a contact sheet, an overlay video."""

from __future__ import annotations

import json
import re
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import lru_cache, partial
from pathlib import Path

import numpy as np

from . import drawing
from .building import Networks, choose_templates
from .errors import OutputError
from .features import FeatureExtractor
from .files import hidden_name, make_folders, remove, remove_empty, take_place
from .pipeline import Progress, Window, first_frames
from .presets import PRESETS
from .record import plain
from .saliency import saliency_maps
from .streams import Stages
from .templates import Template, TemplateLibrary, default_library
from .types import Clip, Float32Array, UInt8Array
from .video import VideoWriter, is_pattern, source_name

_MAX_MOMENTS = 8

MAPS = replace(
    PRESETS["secure"].with_features("parts", short_side=384, levels=3), still_options={"short_side": 768, "levels": 3}
)
"""The settings of `write_saliency`: the embedded encoder in more detail than a video needs."""


def write_saliency(
    source: str | Path | int,
    directory: str | Path,
    *,
    attributes: Sequence[str] = ("attributes",),
    library: TemplateLibrary | None = None,
    networks: Networks | None = None,
    window: Window | None = None,
    video: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Write the saliency of every attribute in every frame, and return the folder, `directory`/NAME.

    NAME/<attribute>/<frame, six digits from 000000>.png are 8-bit grey maps of the frame's size, 255 for a cosine of 1;
    NAME/sheet.png shows some moments, NAME/settings.json says how they were made; with `video`, NAME/overlay.mp4 shows
    the greatest of the maps over the frames.
    NAME is the source's file name without its extension. networks: default those of `MAPS`.
    Raises MotionveilError, and then leaves nothing.
    """
    window, directory = window or Window(), Path(directory)
    target = directory / maps_name(source)
    _check_replaceable(target, source, overwrite)
    networks = networks or Networks(MAPS)
    (library or default_library()).names(attributes)
    with ExitStack() as stack:
        stages = Stages()
        reader = window.open(source)
        stack.callback(lambda: None if stages.stuck else reader.close())
        info = reader.info
        frames = lru_cache(partial(first_frames, source, window))
        extractor = networks.extractor(still=info.is_image, frames=frames)
        choice = choose_templates(attributes, extractor, library=library, frames=frames)
        if choice.missing:
            warnings.warn(
                f"{target.name}: {', '.join(choice.missing)} could not be found at its beginning", stacklevel=2
            )
        templates = choice.templates
        working = hidden_name(target)
        try:
            made = make_folders(directory)
            stack.callback(remove_empty, made)
            stack.callback(remove, working)
            working.mkdir()
            sheet = _Sheet(templates)
            begin, done = time.monotonic(), 0
            with ExitStack() as inner:
                overlay = inner.enter_context(VideoWriter(working / _OVERLAY, info)) if video else None
                inner.enter_context(stages)
                for clip in stages(reader):
                    painted = _write_clip(clip, templates, extractor, working, sheet)
                    if overlay is not None:
                        overlay.write(painted)
                    done += len(clip)
                    if on_progress is not None:
                        on_progress(Progress(done, info.num_frames, done / max(time.monotonic() - begin, 1e-6)))
            drawing.write_image(working / _SHEET, sheet.draw())
            (working / _SETTINGS).write_text(_settings(attributes, networks, window))
            take_place(working, target, overwrite=overwrite)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{target} cannot be written ({reason}); choose another folder or free space") from error
    return target


_SHEET, _OVERLAY, _SETTINGS = "sheet.png", "overlay.mp4", "settings.json"


def maps_are_there(
    source: str | Path | int, directory: str | Path, *, attributes: Sequence[str], networks: Networks, window: Window
) -> bool:
    """Whether `write_saliency` has been here with the same attributes, features and window; it leaves whole folders."""
    path = Path(directory) / maps_name(source) / _SETTINGS
    return path.is_file() and path.read_text() == _settings(attributes, networks, window)


def _settings(attributes: Sequence[str], networks: Networks, window: Window) -> str:
    preset = networks.preset
    chosen = {"attributes": attributes, "features": preset.features, "options": preset.feature_options}
    return json.dumps(plain({**chosen, "window": window}), indent=2) + "\n"


def maps_name(source: str | Path | int) -> str:
    """The name of the folder that holds the maps of a source: its own without the extension."""
    path = Path(str(source))
    if is_pattern(source):
        return path.parent.resolve().name or "sequence"
    if path.is_dir():
        return path.resolve().name or "sequence"
    return Path(source_name(source)).stem


def _check_replaceable(target: Path, source: str | Path | int, overwrite: bool) -> None:
    """Raise OutputError unless maps may be written here: nothing is there, or maps that may be replaced."""
    place, read = target.resolve(), Path(str(source)).resolve()
    if read.exists() and (place == read or place in read.parents or (read.is_dir() and read in place.parents)):
        raise OutputError(f"{target} is the input, or one lies in the other; choose another folder with -o")
    if not target.exists():
        return
    if not overwrite:
        raise OutputError(f"{target} exists; choose another folder with -o, or allow it with --overwrite")
    # Only what this function has made is ever removed.
    strange = [p.name for p in target.iterdir() if not _is_maps(p)] if target.is_dir() else [target.name]
    if strange:
        raise OutputError(f"{target} holds other things than maps ({strange[0]}); choose another folder with -o")


def _is_maps(path: Path) -> bool:
    if path.is_dir() and not path.is_symlink():
        return all(re.fullmatch(r"\d{6,}\.png", p.name) and p.is_file() for p in path.iterdir())
    return path.name in (_SHEET, _OVERLAY, _SETTINGS)


def _write_clip(
    clip: Clip, templates: Sequence[Template], extractor: FeatureExtractor, folder: Path, sheet: _Sheet
) -> Clip:
    """Write the maps of a clip; return it with the greatest map painted over every frame."""
    painted = []
    for index, frame in enumerate(clip.frames):
        maps = saliency_maps(frame, templates, extractor)
        sheet.add(clip.start + index, float(clip.pts[index]), frame, maps)
        for template, values in zip(templates, maps, strict=True):
            drawing.write_image(
                folder / template.name / f"{clip.start + index:06d}.png", np.rint(values * 255).astype(np.uint8)
            )
        painted.append(drawing.overlay(frame, maps.max(axis=0)))
    return Clip(np.stack(painted), clip.start, clip.pts)


class _Sheet:
    """Moments spread evenly over a video of unknown length, with every attribute's map."""

    def __init__(self, templates: Sequence[Template]) -> None:
        self.templates = templates
        self.every = 1
        self.rows: list[list[tuple[str, UInt8Array]]] = []

    def add(self, index: int, seconds: float, frame: UInt8Array, maps: Float32Array) -> None:
        if index % self.every:
            return
        tiles = [(f"{seconds:.2f} s", frame)]
        tiles += [(t.name, drawing.overlay(frame, values)) for t, values in zip(self.templates, maps, strict=True)]
        self.rows.append([(text, drawing.thumbnail(picture, 200)) for text, picture in tiles])
        if len(self.rows) > _MAX_MOMENTS:
            self.rows = self.rows[::2]
            self.every *= 2

    def draw(self) -> UInt8Array:
        step = max(1, -(-len(self.rows) // 5))
        return drawing.contact_sheet([("", row) for row in self.rows[::step]], height=200)
