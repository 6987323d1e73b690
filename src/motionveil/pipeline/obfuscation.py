"""Obfuscation of a source into a file: reader, obfuscator, writer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
from typing import Any

from .. import drawing, ops
from .._core.atomic_files import PendingFile, commit_all
from .._core.errors import OptionError
from .._core.types import UInt8Array, UInt16Array, VideoInfo
from ..detection.template_transfer import draw_found
from ..detection.templates import TemplateLibrary
from ..fillers import Filler
from ..flow import DISFlow, FlowEstimator
from ..obfuscation.device_placement import gpu_of, on_device, on_host
from ..obfuscation.factory import Choice, Frames, Networks, assemble, choose_region, where_of
from ..obfuscation.obfuscators import Explained, Obfuscator, Selective, explained
from ..obfuscation.presets import Preset
from ..outputs.output_paths import SidePaths, side_paths
from ..outputs.preview import Preview
from ..outputs.run_manifest import make_record, recipe_of, settings_of, templated_in
from ..regions import Doubt, Region, Where, doubtful
from ..video import Encoding, VideoWriter, check_target, cover, source_name
from .runner import OnProgress, Run, Window, open_run


@dataclass(frozen=True)
class Result:
    """The result of `obfuscate_video`.

    `preview`, `sheet` and `record` are None unless they were requested.

    Attributes:
        target: The path of the output.
        info: Properties of the source.
        num_frames: Number of frames written.
        seconds: Duration of the run.
        notices: Messages for the user, for instance that the source was truncated. Each was also issued as a warning.
        preview: The path of the side-by-side preview.
        sheet: The path of the contact sheet.
        record: The path of the run manifest.
        doubts: Moments at which a previously detected person was missed; see `regions.Doubt`.
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


def obfuscate_video(
    source: str | Path | int,
    target: str | Path,
    *,
    hide: str | Sequence[str] | None = None,
    where: Where | None = None,
    preset: str | Preset | None = None,
    filler: str | Filler | None = None,
    library: TemplateLibrary | None = None,
    obfuscator: Obfuscator | None = None,
    networks: Networks | None = None,
    window: Window | None = None,
    encoding: Encoding | None = None,
    overwrite: bool = False,
    preview: bool = False,
    record: bool = False,
    seed: int | None = None,
    on_progress: OnProgress | None = None,
    on_clip: Callable[[Explained], None] | None = None,
) -> Result:
    """Obfuscate a video, image, folder of images, camera or stream, and write the result to `target`.

    Args:
        source: Anything that `open_source` reads.
        target: File or folder. It appears when the result is complete.
        hide: Names of templates and groups. Default: 'person'.
        where: A complete description of the regions, instead of `hide`.
        preset: Settings of the method. Default: 'secure'.
        filler: What to replace pixels with, by its name in `FILLERS` or as an object. Default: the preset's.
        library: Templates to choose from. Default: those of `default_library`.
        obfuscator: Any method of your own, instead of all of the above.
        networks: The networks of a preset, loaded once for several videos, instead of `preset`.
        window: Which part of the source to read.
        encoding: How to encode the result.
        overwrite: Replace an existing target, like `Encoding.overwrite`.
        preview: Also write NAME.preview.* (input, opacity and output side by side) and NAME.sheet.png. Both show the
            original, and are readable only by their owner.
        record: Also write NAME.json with settings, versions and hashes, but never the seed.
        seed: Makes the noise reproducible, for experiments.
        on_progress: Called after each clip that is written.
        on_clip: Called with each clip that is written, and how it was made.

    Returns:
        The paths that were written, with notices and moments of doubt.

    Raises:
        MotionveilError: If the run is not possible; the message names the fix. Nothing is written.

    An interrupt stops a camera or stream, and keeps what was recorded; in all other cases nothing is written. The
    source is never modified.
    """
    window, encoding = window or Window(), encoding or Encoding()
    if overwrite:
        encoding = replace(encoding, overwrite=True)
    beside = side_paths(target, preview=preview, record=record)
    for path in (Path(target), *filter(None, beside)):
        check_target(path, [source, *(where.all_masks if where else ())], encoding.overwrite)
    described = (hide, where, preset, filler, library, seed, networks)
    if obfuscator is not None and any(setting is not None for setting in described):
        raise OptionError("give either an obfuscator, or what to hide and how, not both")
    with (
        open_run(source, window, full_depth=encoding.colours == "keep", on_progress=on_progress) as run,
        ExitStack() as stack,
    ):
        doubts: list[Doubt] = []
        if obfuscator is not None:
            chosen = _Chosen(obfuscator)
        else:
            networks = networks or Networks(preset or "secure")
            chosen = _choose(
                run, networks, source, window, where_of(hide, where), filler, library, seed, preview, doubts.append
            )
        method = chosen.method
        if encoding.colours == "keep" and run.info.colours is not None and not isinstance(method, Selective):
            raise OptionError("methods that change whole frames write 8 bits: omit `colours`")
        selective = isinstance(method, Selective)
        outputs = _Outputs(stack, Path(target), beside, run.info, encoding, source, doubts, selective=selective)
        with run.stages:
            made = explained(method, on_device(run.reader, gpu_of(method)), stage=run.stages)
            try:
                for each in run.results(made, lambda each: len(each.obfuscated)):
                    deep = run.reader.set_aside.pop(each.original.start, None)
                    if deep is not None and run.info.colours is not None:
                        cover(deep, ops.to_host(each.filling), ops.to_host(each.opacity), run.info.colours)
                    outputs.write(each, deep)
                    if on_clip is not None:
                        on_clip(each)
            except KeyboardInterrupt:
                if not run.info.is_live or not run.done:
                    raise
            run.take_late_notices()
            run.notices.add(*outputs.writer.notices)
            if doubts:
                run.notices.add(doubtful(source_name(source), doubts))
            seconds = run.seconds
            # Everything is completed under temporary names first, then appears together, the output last.
            finished = outputs.finish()
            if beside.record is not None:
                digest, changed = run.held.digest(reopened=run.info.codec == "image")
                run.notices.add(*filter(None, [changed]))
                settings = settings_of(method, window, encoding) | chosen.recipe
                templates = [template for region in templated_in(method) for template in region.templates]
                outputs.add_record(
                    make_record(
                        source=source, digest=digest, target=Path(target), output=finished, templates=templates,
                        settings=settings, found=chosen.found, num_frames=run.done, seconds=round(seconds, 3),
                        notices=run.notices, doubts=doubts,
                    )
                )  # fmt: skip
            outputs.commit(chosen.places)
    return Result(Path(target), run.info, run.done, seconds, tuple(run.notices), *beside, doubts=tuple(doubts))


@dataclass(frozen=True)
class _Chosen:
    """The method of a run, and how it was chosen, for preview and manifest.

    Attributes:
        recipe: Enough to recreate the method.
        found: Templates that were found in the first frames.
        places: An image of where they were found.
    """

    method: Obfuscator
    recipe: dict[str, Any] = field(default_factory=dict)
    found: list[dict[str, Any]] = field(default_factory=list)
    places: UInt8Array | None = None


def _choose(
    run: Run,
    networks: Networks,
    source: str | Path | int,
    window: Window,
    where: Where,
    filler: str | Filler | None,
    library: TemplateLibrary | None,
    seed: int | None,
    draw_places: bool,
    on_doubt: Callable[[Doubt], None],
) -> _Chosen:
    """Build the selective method for the source of a run."""
    preset = networks.preset
    region, flow, choice = region_for(
        networks, run.info, where, library, frames=run.first_frames, whole=window.end is None, on_doubt=on_doubt
    )
    recipe: dict[str, Any] = {"preset": preset.name}
    if filler is None or isinstance(filler, str):
        preset = preset if filler is None else preset.with_filler(filler)
        method = assemble(preset, region, flow, seed=seed, frames=run.first_frames)
        recipe |= recipe_of(preset, where, library)
    else:  # an object, which cannot be recreated from a manifest
        method = Selective(region, filler, flow)
    if choice.missing:
        missing = ", ".join(choice.missing)
        run.notices.add(f"{source_name(source)}: {missing} could not be found in the first frames and stays visible")
    places = draw_found(choice.found, choice.frames) if draw_places and choice.frames is not None else None
    return _Chosen(method, recipe, [each.as_record() for each in choice.found], places)


def region_for(
    networks: Networks,
    info: VideoInfo,
    where: Where,
    library: TemplateLibrary | None,
    *,
    frames: Frames,
    whole: bool = True,
    on_doubt: Callable[[Doubt], None] | None = None,
) -> tuple[Region, FlowEstimator, Choice]:
    """The region for one source, the flow estimator for it, and the templates that were chosen or found.

    frames: returns its first frames. whole: whether it is read to its end.
    """
    # An image has no motion. Missing parts are reported before anything slow.
    flow = DISFlow() if info.is_image else networks.flow
    region, choice = choose_region(
        where,
        networks.preset,
        lambda: networks.extractor(still=info.is_image, frames=frames),
        library=library,
        frames=frames,
        skip=ceil(info.start * info.frame_rate),
        whole=whole,
        on_doubt=on_doubt,
    )
    return region, flow, choice


class _Outputs:
    """The files of a run while they are written: they appear together, the video last, or not at all."""

    def __init__(
        self,
        stack: ExitStack,
        target: Path,
        beside: SidePaths,
        info: VideoInfo,
        encoding: Encoding,
        source: str | Path | int,
        doubts: Sequence[Doubt],
        *,
        selective: bool,
    ) -> None:
        self._stack, self._target, self._beside, self._overwrite = stack, target, beside, encoding.overwrite
        self._panels, self._side, self._record = None, None, b""
        if beside.preview is not None:
            self._panels = Preview(info, opacity=selective, doubts=doubts)
            plain = Encoding(overwrite=encoding.overwrite)
            writer = VideoWriter(beside.preview, self._panels.info, encoding=plain, private=True)
            self._side = stack.enter_context(writer)
        audio_from = None if isinstance(source, int) else source
        self.writer = stack.enter_context(VideoWriter(target, info, encoding=encoding, audio_from=audio_from))

    def write(self, made: Explained, deep: UInt16Array | None) -> None:
        """Write one clip. deep: the same frames at full depth."""
        self.writer.write(on_host(made.obfuscated), deep)
        if self._side is not None and self._panels is not None:
            self._side.write(self._panels.add(made))

    def finish(self) -> Path:
        """Complete the video under its temporary name, which is returned."""
        if self._side is not None:
            self._side.finish()
        return self.writer.finish()

    def add_record(self, record: bytes) -> None:
        """Add the manifest to the outputs."""
        self._record = record

    def commit(self, places: UInt8Array | None) -> None:
        """Make all outputs appear. places: an image to put above the contact sheet."""
        outputs: list[tuple[Path, Callable[[], None]]] = []
        if self._side is not None and self._beside.preview is not None:
            outputs.append((self._beside.preview, self._side.commit))
        files = {}
        if self._beside.sheet is not None and self._panels is not None:
            sheet = self._panels.contact_sheet()
            if places is not None:
                sheet = drawing.stacked([places, sheet])
            files[self._beside.sheet] = drawing.encode_image(sheet, ".png")
        if self._beside.record is not None:
            files[self._beside.record] = self._record
        for path, data in files.items():
            private = path == self._beside.sheet  # it shows the original
            pending = self._stack.enter_context(PendingFile(path, data, overwrite=self._overwrite, private=private))
            outputs.append((path, pending.commit))
        commit_all([*outputs, (self._target, self.writer.commit)])
