"""From a source to a finished file: reader, obfuscator, writer."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np

from .. import drawing, ops
from .._core.atomic_files import PendingFile, commit_all
from .._core.errors import OptionError, SourceWarning
from .._core.streams import Stages
from .._core.types import UInt8Array, VideoInfo
from ..detection.template_transfer import draw_found
from ..detection.templates import TemplateLibrary
from ..flow import DISFlow, FlowEstimator
from ..obfuscation.device_placement import gpu_of, on_device, on_host
from ..obfuscation.factory import Choice, Networks, assemble, choose_region, where_of
from ..obfuscation.obfuscators import Obfuscator, Selective, explained
from ..obfuscation.presets import Preset
from ..outputs.output_paths import side_paths
from ..outputs.preview import Preview
from ..outputs.run_manifest import HeldSource, make_record, settings_of, templated_in
from ..regions import Doubt, Region, Where, doubtful
from ..video import Encoding, Source, VideoWriter, can_reread, check_target, cover, open_source, source_name


@dataclass(frozen=True)
class Progress:
    """Progress of a run.

    Attributes:
        done: Frames written so far.
        total: Expected number of frames, approximately; None if unknown.
        frames_per_second: Average speed since the start.
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
    """Which part of a source to read, and how; see `open_source`.

    Attributes:
        start: Start time in seconds; None begins at the first frame.
        end: End time in seconds, exclusive; None reads to the end.
        size: Short side, or (width, height), in pixels; None keeps the size.
        image_rate: Frame rate of a folder of images.
        strict: Reject damaged or truncated sources.
        frame_rate: Frame rate of a raw stream that does not state it.
    """

    start: float | None = None
    end: float | None = None
    size: int | tuple[int, int] | None = None
    image_rate: Fraction = Fraction(25)
    strict: bool = False
    frame_rate: Fraction | None = None

    def open(self, source: str | Path | int, *, full_depth: bool = False) -> Source:
        """The source, to be read through this window."""
        return open_source(source, **vars(self), full_depth=full_depth)


@dataclass(frozen=True)
class Result:
    """What `obfuscate_video` wrote.

    `preview`, `sheet` and `record` are None unless they were requested.

    Attributes:
        notices: Sentences for the user, for instance that the source was truncated. Each was also issued as a warning.
        doubts: Moments at which a person who had been found before was missed; see `regions.Doubt`.
    """

    target: Path
    info: VideoInfo
    num_frames: int
    seconds: float
    notices: tuple[str, ...] = ()
    preview: Path | None = None
    sheet: Path | None = None
    record: Path | None = None
    doubts: tuple[Doubt, ...] = ()


def first_frames(
    source: str | Path | int, window: Window, *, seconds: float = 2.0, count: int = 6
) -> UInt8Array | None:
    """Sample up to `count` frames, evenly over the first `seconds` seconds.

    Returns:
        (T, H, W, 3) uint8 RGB, or None if the source can be read only once.
    """
    if not can_reread(source):
        return None
    with window.open(source) as reader:
        if not reader.rereadable:
            return None
        # Frames are thinned out while they are read: their number is not known, and they may be large.
        frames: list[UInt8Array] = []
        step = 1
        for clip in reader:
            for index, frame in enumerate(clip.frames, clip.start):
                if index % step == 0:
                    frames.append(frame)
                if len(frames) > 2 * count:
                    frames, step = frames[::2], 2 * step
            if clip.pts[-1] - reader.info.start >= seconds:
                break
    return np.stack([frames[i] for i in np.linspace(0, len(frames) - 1, min(count, len(frames))).astype(int)])


def obfuscate_video(
    source: str | Path | int,
    target: str | Path,
    *,
    hide: str | Sequence[str] | None = None,
    where: Where | None = None,
    preset: str | Preset | None = None,
    library: TemplateLibrary | None = None,
    obfuscator: Obfuscator | None = None,
    networks: Networks | None = None,
    window: Window | None = None,
    encoding: Encoding | None = None,
    preview: bool = False,
    record: bool = False,
    seed: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Obfuscate a video, image, folder of images, camera or stream, and write the result to `target`.

    Args:
        source: Anything that `open_source` reads.
        target: File or folder. It appears when the result is complete.
        hide: Names of templates and groups. Default: 'person'.
        where: A complete description of the regions, instead of `hide`.
        preset: Settings of the method. Default: 'secure'.
        library: Templates to choose from. Default: those of `default_library`.
        obfuscator: Any method of your own, instead of all of the above.
        networks: The networks of a preset, loaded once for several videos, instead of `preset`.
        window: Which part of the source to read.
        encoding: How to encode the result.
        preview: Also write NAME.preview.* (input, opacity and output side by side) and NAME.sheet.png. Both show the
            original, and are readable only by their owner.
        record: Also write NAME.json with settings, versions and hashes, but never the seed.
        seed: Makes the noise reproducible, for experiments.
        on_progress: Called after each clip that is written.

    Returns:
        The paths that were written, with notices and moments of doubt.

    Raises:
        MotionveilError: The message says what to do. Nothing is written.

    An interrupt stops a camera or stream, and keeps what was recorded; in all other cases nothing is written. The
    source is never modified.
    """
    window, encoding = window or Window(), encoding or Encoding()
    beside = side_paths(target, preview=preview, record=record)
    for path in (Path(target), *filter(None, beside)):
        check_target(path, [source, *(where.all_masks if where else ())], encoding.overwrite)
    if obfuscator is not None and not all(
        setting is None for setting in (hide, where, preset, library, seed, networks)
    ):
        raise OptionError("give either an obfuscator, or what to hide and how, not both")
    if networks is None and obfuscator is None:
        networks = Networks(preset or "secure")
    begin = time.monotonic()
    with ExitStack() as stack:
        stack.enter_context(ops.single_threaded())
        held = stack.enter_context(HeldSource(source))
        reader = window.open(source, full_depth=encoding.colours == "keep")
        held.check()
        stages = Stages()
        stages.on_stop(reader.cancel)
        # A source in which a thread waits for ever cannot be closed under it.
        stack.callback(lambda: None if stages.stuck else reader.close())
        info = reader.info
        at_once = len(reader.notices)
        notices = _warned(reader.notices, SourceWarning)
        places: UInt8Array | None = None
        found: list[dict[str, Any]] = []
        doubts: list[Doubt] = []
        method: Obfuscator
        if obfuscator is None:
            assert networks is not None
            method, choice = _method(
                networks, source, window, info, where_of(hide, where), library, seed, doubts.append
            )
            if choice.missing:
                missing = ", ".join(choice.missing)
                text = f"{source_name(source)}: {missing} could not be found at its beginning and stays visible"
                notices += _warned([text], UserWarning)
            if preview and choice.frames is not None:
                places = draw_found(choice.found, choice.frames)
            found = [each.as_record() for each in choice.found]
            del choice  # its frames would stay in memory for the whole film
        else:
            method = obfuscator
        if encoding.colours == "keep" and info.colours is not None and not isinstance(method, Selective):
            raise OptionError("methods that change whole frames have 8 bits: leave out --colours")
        panels, side = None, None
        if beside.preview is not None:
            panels = Preview(info, opacity=isinstance(method, Selective), doubts=doubts)
            plain = Encoding(overwrite=encoding.overwrite)
            side = stack.enter_context(VideoWriter(beside.preview, panels.info, encoding=plain, private=True))
        audio_from = None if isinstance(source, int) else source
        writer = stack.enter_context(VideoWriter(target, info, encoding=encoding, audio_from=audio_from))
        stack.enter_context(stages)
        done = 0
        total = info.num_frames
        if total is None and info.duration is not None and not info.is_live:
            total = round((info.duration - info.start) * info.frame_rate)
        try:
            for made in stages(explained(method, on_device(reader, gpu_of(method)), stage=stages)):
                deep = reader.set_aside.pop(made.original.start, None)
                if deep is not None and info.colours is not None:
                    cover(deep, ops.to_host(made.filling), ops.to_host(made.opacity), info.colours)
                writer.write(on_host(made.obfuscated), deep)
                if side is not None and panels is not None:
                    side.write(panels.add(made))
                done += len(made.obfuscated)
                if on_progress is not None:
                    on_progress(Progress(done, total, done / max(time.monotonic() - begin, 1e-6)))
        except KeyboardInterrupt:
            if not info.is_live or not done:
                raise
        notices += [*reader.notices[at_once:], *_warned(writer.notices, UserWarning)]
        if doubts:
            notices += _warned([doubtful(source_name(source), doubts)], UserWarning)
        seconds = time.monotonic() - begin
        # Everything is completed under temporary names first, then appears together, the output last.
        finished = writer.finish()
        outputs: list[tuple[Path, Callable[[], None]]] = []
        if side is not None and beside.preview is not None:
            side.finish()
            outputs.append((beside.preview, side.commit))
        files = {}
        if beside.sheet is not None and panels is not None:
            sheet = panels.contact_sheet()
            if places is not None:
                sheet = drawing.stacked([places, sheet])
            files[beside.sheet] = drawing.encode_image(sheet, ".png")
        if beside.record is not None:
            digest, changed = held.digest(reopened=info.codec == "image")
            notices += _warned([changed] if changed else [], UserWarning)
            settings = settings_of(method, window, encoding, networks.preset if networks else preset)
            if networks is not None:
                # Enough to make the method again.
                settings["method"] = {
                    "preset": networks.preset.as_record(),
                    "where": where_of(hide, where).as_record(),
                }
            files[beside.record] = make_record(
                source=source, digest=digest, target=Path(target), output=finished,
                templates=[template for region in templated_in(method) for template in region.templates],
                settings=settings, found=found, num_frames=done, seconds=round(seconds, 3), notices=notices,
                doubts=doubts,
            )  # fmt: skip
        for path, data in files.items():
            private = path == beside.sheet  # which shows the original
            pending = stack.enter_context(PendingFile(path, data, overwrite=encoding.overwrite, private=private))
            outputs.append((path, pending.commit))
        commit_all([*outputs, (Path(target), writer.commit)])
    return Result(Path(target), info, done, seconds, tuple(notices), *beside, doubts=tuple(doubts))


def _warned(texts: Sequence[str], kind: type[Warning]) -> list[str]:
    """The texts, each of which is a warning too."""
    for text in texts:
        warnings.warn(text, kind, stacklevel=3)
    return list(texts)


def _method(
    networks: Networks,
    source: str | Path | int,
    window: Window,
    info: VideoInfo,
    where: Where,
    library: TemplateLibrary | None,
    seed: int | None,
    on_doubt: Callable[[Doubt], None],
) -> tuple[Selective, Choice]:
    """The method for one source, and the templates that were chosen or found for it."""
    region, flow, choice = region_for(networks, source, window, info, where, library, on_doubt)
    frames = lru_cache(partial(first_frames, source, window))
    return assemble(networks.preset, region, flow, seed=seed, frames=frames), choice


def region_for(
    networks: Networks,
    source: str | Path | int,
    window: Window,
    info: VideoInfo,
    where: Where,
    library: TemplateLibrary | None,
    on_doubt: Callable[[Doubt], None] | None = None,
) -> tuple[Region, FlowEstimator, Choice]:
    """Where one source is replaced, the flow that fits it, and the templates that were chosen or found."""
    frames = lru_cache(partial(first_frames, source, window))
    # A picture does not move. What is missing is said before anything that takes long.
    flow = DISFlow() if info.is_image else networks.flow
    region, choice = choose_region(
        where,
        networks.preset,
        lambda: networks.extractor(still=info.is_image, frames=frames),
        library=library,
        frames=frames,
        skip=ceil(info.start * info.frame_rate),
        whole=window.end is None,
        on_doubt=on_doubt,
    )
    return region, flow, choice
