"""From a source to a finished file: reader, obfuscator, writer."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from . import drawing
from .errors import OptionError
from .features import FeatureExtractor, PartsEncoder
from .fillers import MotionNoise
from .flow import DISFlow, with_motion
from .obfuscators import Explained, Selective
from .prefetch import prefetch
from .presets import Preset, for_still, get_preset
from .preview import Preview
from .record import make_record, write_record
from .regions import TemplateSaliency
from .templates import TemplateLibrary, default_library
from .types import Clip, VideoInfo
from .video import Encoding, Source, VideoWriter, check_target, open_source

DEFAULT_HIDE = ("person",)


@dataclass(frozen=True)
class Progress:
    """How far a video is.

    done: frames written. total: frames expected, about; None where unknown. frames_per_second: since the start.
    """

    done: int
    total: int | None
    frames_per_second: float

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the end at the present speed, None where the length is unknown."""
        if self.total is None or not self.frames_per_second:
            return None
        return max(0, self.total - self.done) / self.frames_per_second


@dataclass(frozen=True)
class Window:
    """Which part of a source is read, and how; see `video.open_source`.

    start, end: seconds. size: short side, or (width, height). image_rate: frames per second of a folder of images.
    strict: refuse a source that ends before it should.
    """

    start: float | None = None
    end: float | None = None
    size: int | tuple[int, int] | None = None
    image_rate: Fraction = Fraction(25)
    strict: bool = False

    def open(self, source: str | Path | int) -> Source:
        """The source, to be read through this window."""
        return open_source(
            source,
            start=self.start,
            end=self.end,
            size=self.size,
            image_rate=self.image_rate,
            strict=self.strict,
        )


@dataclass(frozen=True)
class Result:
    """What `obfuscate_video` made. preview, sheet and record are None where they were not asked for.

    notices: sentences that a person should read, for instance that the source was cut short; each was a warning too.
    """

    target: Path
    info: VideoInfo
    num_frames: int
    seconds: float
    notices: tuple[str, ...] = ()
    preview: Path | None = None
    sheet: Path | None = None
    record: Path | None = None


def build_obfuscator(
    *,
    hide: Sequence[str] = DEFAULT_HIDE,
    preset: str | Preset = "secure",
    library: TemplateLibrary | None = None,
    extractor: FeatureExtractor | None = None,
    seed: int | None = None,
    still: bool = False,
) -> Selective:
    """The selective method of a preset, ready for any number of videos.

    hide: names of templates and groups ('face', 'head', 'person', 'all'). extractor: default the embedded encoder at
    the preset's size. seed: for experiments only; the default draws from the operating system and keeps nothing.
    still: the settings for single pictures.
    """
    settings = get_preset(preset) if isinstance(preset, str) else preset
    settings = for_still(settings) if still else settings
    templates = (library or default_library()).select(hide)
    extractor = extractor or PartsEncoder(short_side=settings.short_side, levels=settings.levels)
    return Selective(
        TemplateSaliency(extractor, templates, coverage=settings.coverage),
        MotionNoise(transport=settings.transport, grain=settings.grain, statistics=settings.statistics, seed=seed),
        DISFlow(),
    )


def obfuscate_video(
    source: str | Path | int,
    target: str | Path,
    *,
    hide: Sequence[str] = DEFAULT_HIDE,
    preset: str | Preset = "secure",
    library: TemplateLibrary | None = None,
    obfuscator: Selective | Callable[[VideoInfo], Selective] | None = None,
    window: Window | None = None,
    encoding: Encoding | None = None,
    preview: bool = False,
    record: bool = False,
    seed: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Obfuscate a video, picture, folder of images, camera or stream, and write it to `target`.

    source: what `video.open_source` reads. target: file or folder; nothing is there until all is done.
    hide, preset, library, seed: see `build_obfuscator`; or give a whole `obfuscator` instead, or a function
    that makes one when the source is known.
    preview: also write NAME.preview.* with input, saliency and output side by side, and NAME.sheet.png; both show the
    original. record: also write NAME.json with settings, versions and hashes, never the seed.
    on_progress: called after every clip that is written.

    Raises MotionveilError, whose text says what to do; nothing is written then. The source is never changed.
    """
    window, encoding, target = window or Window(), encoding or Encoding(), Path(target)
    preview_path, sheet_path = Preview.paths(target) if preview else (None, None)
    record_path = target.with_name(f"{target.name}.json") if record else None
    for path in (target, preview_path, sheet_path, record_path):
        if path is not None:
            check_target(path, [source], encoding.overwrite)
    if obfuscator is not None and (hide is not DEFAULT_HIDE or library is not None or seed is not None):
        raise OptionError("give either an obfuscator, or what to hide and how, not both")
    begin = time.monotonic()
    done = 0
    with ExitStack() as stack:
        reader = stack.enter_context(window.open(source))
        info = reader.info
        if obfuscator is None:
            obfuscator = build_obfuscator(hide=hide, preset=preset, library=library, seed=seed, still=info.is_image)
        elif not isinstance(obfuscator, Selective):
            obfuscator = obfuscator(info)
        panels, side = None, None
        if preview_path is not None:
            panels = Preview(info)
            side = stack.enter_context(
                VideoWriter(preview_path, panels.info, encoding=Encoding(overwrite=encoding.overwrite))
            )
        audio_from = None if isinstance(source, int) else source
        # Entered last, so finished first: where the output fails, the pictures beside it are not kept either.
        writer = stack.enter_context(VideoWriter(target, info, encoding=encoding, audio_from=audio_from))
        total = info.num_frames
        if total is None and info.duration is not None and not info.is_live:
            total = round(info.duration * info.frame_rate)
        stages = stack.enter_context(closing(prefetch(_run(reader, obfuscator))))
        for explained in stages:
            writer.write(explained.obfuscated)
            if side is not None and panels is not None:
                side.write(panels.add(explained))
            done += len(explained.obfuscated)
            if on_progress is not None:
                on_progress(Progress(done, total, done / max(time.monotonic() - begin, 1e-6)))
        notices = [text for text in (reader.notice, writer.notice) if text]
        if writer.notice:
            warnings.warn(writer.notice, stacklevel=2)
    if sheet_path is not None and panels is not None:
        drawing.write_image(sheet_path, panels.contact_sheet())
    seconds = time.monotonic() - begin
    if record_path is not None:
        region = obfuscator.region
        write_record(
            record_path,
            make_record(
                source=source,
                target=target,
                templates=region.templates if isinstance(region, TemplateSaliency) else (),
                settings={
                    "preset": preset if isinstance(preset, str) else preset.name,
                    "coverage": getattr(region, "coverage", None),
                    "extractor": repr(getattr(region, "extractor", None)),
                    "flow": repr(obfuscator.flow),
                    "noise": repr(obfuscator.filler),
                    "window": window,
                    "encoding": encoding,
                    "seed": "given by the user, not kept" if seed is not None else "drawn by the system, not kept",
                },
                num_frames=done,
                seconds=round(seconds, 3),
                notices=notices,
            ),
        )
    return Result(target, info, done, seconds, tuple(notices), preview_path, sheet_path, record_path)


def _run(reader: Source, obfuscator: Selective) -> Iterator[Explained]:
    """Reading and flow in threads of their own; what remains runs in the caller's."""
    clips: Iterator[Clip] = prefetch(reader)
    return obfuscator.explain(prefetch(with_motion(clips, obfuscator.flow)))


def output_for(source: str | Path | int, target: Path | None, *, many: bool) -> Path:
    """Where the result of one source belongs.

    target None: beside the source as NAME_veiled.EXT. With several sources, or an existing folder as the target, the
    file keeps its name inside that folder.
    """
    path = Path(f"camera{source}.mp4") if isinstance(source, int) or str(source) == "-" else Path(source)
    suffix = (
        path.suffix if path.suffix and not path.is_dir() and "%" not in path.name and "*" not in path.name else ".mp4"
    )
    stem = path.stem if path.suffix and not path.is_dir() else path.name
    if "%" in path.name or "*" in path.name:
        stem = path.parent.name or "sequence"
    if suffix.lower() in _UNWRITABLE:
        suffix = ".mp4"
    if target is None:
        folder = path.parent if path.parent.is_dir() and "://" not in str(source) else Path()
        return folder / f"{stem}_veiled{suffix}"
    if many or target.is_dir():
        return target / f"{stem}{suffix}"
    return target


_UNWRITABLE = {".avi", ".mpg", ".mpeg", ".ts", ".m2ts", ".wmv", ".flv", ".3gp", ".mts", ".vob", ".ogv", ".heic"}
"""Extensions that are read but not written; the result becomes an MP4."""

__all__ = ["DEFAULT_HIDE", "Progress", "Result", "Window", "build_obfuscator", "obfuscate_video", "output_for"]
