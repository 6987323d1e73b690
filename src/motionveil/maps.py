"""Saliency maps as files: one folder per attribute, a contact sheet, an overlay video."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from . import drawing
from .errors import OutputError
from .features import FeatureExtractor, PartsEncoder
from .pipeline import Progress, Window
from .prefetch import prefetch
from .saliency import saliency_maps
from .templates import Template, TemplateLibrary, default_library
from .types import Clip, Float32Array, UInt8Array
from .video import Encoding, VideoWriter

_MAX_MOMENTS = 8


def write_saliency(
    source: str | Path | int,
    directory: str | Path,
    *,
    attributes: Sequence[str] = ("all",),
    library: TemplateLibrary | None = None,
    extractor: FeatureExtractor | None = None,
    window: Window | None = None,
    video: bool = False,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Path:
    """Write the saliency of every attribute in every frame, and return the folder, `directory`/NAME.

    NAME/<attribute>/<frame, six digits from 000000>.png are 8-bit grey maps of the frame's size, 255 for a cosine of 1;
    NAME/sheet.png shows some moments; with `video`, NAME/overlay.mp4 shows the greatest of the maps over the frames.
    NAME is the source's file name without its extension. extractor: default the embedded encoder, in full detail for
    single pictures. Raises MotionveilError, and then leaves nothing.
    """
    window = window or Window()
    path = Path(f"camera{source}") if isinstance(source, int) else Path(source)
    name = path.name if path.is_dir() else path.stem
    if not name or "%" in name or "*" in name:
        name = path.parent.name or "sequence"
    directory = Path(directory)
    target = directory / name
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists; choose another folder with -o, or allow it with --overwrite")
    templates = (library or default_library()).select(attributes)
    with window.open(source) as reader:
        info = reader.info
        extractor = extractor or PartsEncoder(short_side=768 if info.is_image else 384, levels=3)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            working = Path(tempfile.mkdtemp(prefix=f".{name}.part-", dir=directory))
        except OSError as error:
            raise OutputError(f"{directory} cannot be written ({error.strerror}); choose another folder") from error
        try:
            sheet = _Sheet(templates)
            overlay = VideoWriter(working / "overlay.mp4", info, encoding=Encoding()) if video else None
            begin, done = time.monotonic(), 0
            with closing(prefetch(reader)) as clips:
                if overlay is None:
                    for clip in clips:
                        _write_clip(clip, templates, extractor, working, sheet)
                        done += len(clip)
                        _report(on_progress, done, info.num_frames, begin)
                else:
                    with overlay:
                        for clip in clips:
                            overlay.write(_write_clip(clip, templates, extractor, working, sheet))
                            done += len(clip)
                            _report(on_progress, done, info.num_frames, begin)
            drawing.write_image(working / "sheet.png", sheet.draw())
            working.chmod(0o755)
            if target.exists():
                shutil.rmtree(target)
            working.rename(target)
        except OSError as error:
            raise OutputError(f"{target} cannot be written ({error.strerror}); free some space") from error
        finally:
            shutil.rmtree(working, ignore_errors=True)
    return target


def _report(on_progress: Callable[[Progress], None] | None, done: int, total: int | None, begin: float) -> None:
    if on_progress is not None:
        on_progress(Progress(done, total, done / max(time.monotonic() - begin, 1e-6)))


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
