"""Exports the intermediate results of the method: flow, saliency, noise, mask."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from .. import drawing, ops
from .._core.atomic_files import write_file
from .._core.errors import OptionError
from .._core.streams import Stages
from .._core.types import Clip, Float32Array, UInt8Array, VideoInfo
from ..detection.features import FeatureExtractor
from ..detection.saliency import matched, saliency_maps
from ..detection.templates import Template, TemplateLibrary
from ..flow import DISFlow, FlowEstimator, with_motion
from ..flow.middlebury import flo_bytes, flow_colours
from ..obfuscation.factory import DEFAULT_HIDE, Networks, build_obfuscator, choose_templates
from ..obfuscation.obfuscators import Selective
from ..outputs.result_folders import (
    SETTINGS,
    SHEET,
    check_replaceable,
    folder_name,
    frame_names,
    is_sequence,
    made_with,
    new_folder,
    numbered,
    write_settings,
)
from ..outputs.run_manifest import source_digest
from .runner import OnProgress, Window, open_run

EXPORTS = ("flow", "saliency", "noise", "mask")
FLOW_FORMATS = ("flo", "npz")


@dataclass(frozen=True)
class Export:
    """What to export, and how.

    Attributes:
        what: Names from `EXPORTS`.
        hide: Templates and groups whose saliency is written, and for which mask and noise are computed.
        flow_format: 'flo' (Middlebury) or 'npz' (compressed, one array named flow).
        flow_range: Motion in pixels that is shown in full colour; None uses the maximum of each frame.
    """

    what: Sequence[str] = EXPORTS
    hide: str | Sequence[str] = DEFAULT_HIDE
    flow_format: Literal["flo", "npz"] = "flo"
    flow_range: float | None = None

    def __post_init__(self) -> None:
        unknown = [name for name in self.what if name not in EXPORTS]
        if unknown or not self.what:
            said = f"{unknown[0]!r} cannot be exported" if unknown else "nothing to export"
            raise OptionError(f"{said}; choose from {', '.join(EXPORTS)}")
        if self.flow_format not in FLOW_FORMATS:
            raise OptionError(f"unknown flow format {self.flow_format!r}; choose from {', '.join(FLOW_FORMATS)}")
        if self.flow_range is not None and not self.flow_range > 0:
            raise OptionError(f"the flow range must be above 0 pixels, not {self.flow_range:g}")

    def settings(
        self, source: str | Path | int, networks: Networks, window: Window, seed: int | None
    ) -> dict[str, Any]:
        """What the results depend on. The seed itself is not stored, as it would reproduce the noise."""
        colours = "largest of every frame" if self.flow_range is None else f"{self.flow_range:g} pixels"
        return {
            "source": source_digest(source),
            "what": [name for name in EXPORTS if name in self.what],
            "hide": self.hide.split(",") if isinstance(self.hide, str) else list(self.hide),
            "flow": {"format": self.flow_format, "full colour": colours, "direction": "to the frame before"},
            "preset": networks.preset.as_record(),
            "window": window,
            "seed": "drawn by the system, not kept" if seed is None else "given by the user, not kept",
        }


def write_export(
    source: str | Path | int,
    directory: str | Path,
    *,
    export: Export | None = None,
    networks: Networks | None = None,
    library: TemplateLibrary | None = None,
    window: Window | None = None,
    seed: int | None = None,
    keep_names: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> Path:
    """Write intermediate results of the method for every frame.

    All images have the size of the frame; files are numbered by frame, with six digits from 000000.

    * flow/*.flo or *.npz: (H, W, 2) float32, from each frame to the previous one, in pixels, x right and y down. Zero
      at the first frame and after cuts, which NAME/settings.json lists. flow_colours/*.png shows it in Middlebury's
      colours.
    * saliency/<attribute>/*.png: 8-bit greyscale, 255 for a cosine similarity of 1, computed for every frame.
    * noise/*.png: output of the filler. mask/*.png: opacity, 8-bit greyscale, 255 where pixels are replaced completely.
    * sheet.png: a contact sheet, which shows the original.

    Mask and noise belong to one run: `obfuscate_video` draws different noise unless both are given the same seed.

    Args:
        source: Anything that `open_source` reads.
        directory: Folder in which NAME, the file name of the source without its extension, is created.
        export: What to export. Default: everything.
        networks: Networks to use. Default: those of the preset secure.
        library: Templates to choose from. Default: those of `default_library`.
        window: Which part of the source to read.
        seed: As in `build_obfuscator`.
        keep_names: Name frames of a folder or sequence of images as they are.
        overwrite: Replace an existing export.
        on_progress: Called after each clip.

    Returns:
        The folder `directory`/NAME.

    Raises:
        MotionveilError: The message says what to do. Nothing is written.
    """
    export, window = export or Export(), window or Window()
    networks = networks or Networks()
    target = Path(directory) / folder_name(source)
    names = frame_names(source) if keep_names else ()
    check_replaceable(target, source, overwrite, kind="an export", is_ours=partial(_is_export, names=names))
    settings = export.settings(source, networks, window, seed)
    with open_run(source, window, on_progress=on_progress) as run:
        steps = replace(_steps(export, networks, library, run.info, seed, run.first_frames), names=names)
        run.notices.add(*(f"{target.name}: {name} could not be found in the first frames" for name in steps.missing))
        sheet, still = drawing.Moments(), list[int]()
        with new_folder(target, overwrite=overwrite) as working:
            with run.stages:
                for clip, filling in run.results(steps.run(run.reader, run.stages), lambda made: len(made[0])):
                    if networks.preset.coverage.match_first and steps.extractor is not None and not run.done:
                        steps = replace(steps, templates=matched(steps.templates, steps.extractor(clip.frames[:1])))
                    for index in range(len(clip)):
                        if clip.flow_to_previous is not None and clip.flow_to_previous[index] is None:
                            still.append(clip.start + index)
                        tiles = _write_frame(working, clip, index, filling, export, steps)
                        if sheet.wants(clip.start + index):
                            sheet.add(tiles)
            drawing.write_image(working / SHEET, sheet.draw(), private=True)
            settings["source"], _ = run.held.digest(reopened=True)
            write_settings(working, settings, frames=run.done, without_flow=still)
    return target


def export_is_there(
    source: str | Path | int,
    directory: str | Path,
    *,
    export: Export,
    networks: Networks,
    window: Window,
    seed: int | None = None,
) -> bool:
    """Whether `write_export` completed with the same settings; its folders are always complete."""
    return made_with(Path(directory) / folder_name(source), export.settings(source, networks, window, seed))


@dataclass(frozen=True)
class _Steps:
    """The parts of the method that an export needs; the others are None or empty."""

    method: Selective | None = None
    flow: FlowEstimator | None = None
    extractor: FeatureExtractor | None = None
    templates: Sequence[Template] = ()
    missing: Sequence[str] = field(default=())
    names: Sequence[str] = field(default=())

    def run(self, clips: Any, stages: Stages) -> Iterator[tuple[Clip, UInt8Array | None]]:
        """Clips with flow and opacity if needed, and their fillings."""
        if self.method is not None:
            for explained in self.method.explain(clips, stage=stages):
                yield explained.original, explained.filling
        else:
            for clip in clips if self.flow is None else with_motion(stages(clips), self.flow):
                yield clip, None


def _steps(
    export: Export,
    networks: Networks,
    library: TemplateLibrary | None,
    info: VideoInfo,
    seed: int | None,
    frames: Callable[[], UInt8Array | None],
) -> _Steps:
    # An image has no motion.
    flow = DISFlow() if info.is_image else networks.flow
    if set(export.what) == {"flow"}:
        return _Steps(flow=flow)
    extractor = networks.extractor(still=info.is_image, frames=frames)
    strict = networks.preset.strict
    choice = choose_templates(export.hide, extractor, library=library, frames=frames, strict=strict)
    maps = choice.templates if "saliency" in export.what else ()
    if not {"noise", "mask"} & set(export.what):
        needed = flow if "flow" in export.what else None
        return _Steps(None, needed, extractor, maps, choice.missing)
    method = build_obfuscator(
        hide=[template.name for template in choice.templates],
        preset=networks.preset,
        library=TemplateLibrary(choice.templates),
        extractor=extractor,
        flow=flow,
        seed=seed,
        frames=frames,
    )
    return _Steps(method, flow, extractor, maps, choice.missing)


def _write_frame(
    folder: Path, clip: Clip, index: int, filling: UInt8Array | None, export: Export, steps: _Steps
) -> list[tuple[str, UInt8Array]]:
    """Write all results of one frame; returns them as labelled images."""
    frame, number = clip.frames[index], clip.start + index
    tiles = [(f"{float(clip.pts[index]):.2f} s", frame)]

    def picture(name: str, values: UInt8Array) -> None:
        drawing.write_image(numbered(folder / name, number, ".png", steps.names), values)
        shown = values if values.ndim == 3 else np.repeat(values[..., None], 3, axis=2)
        tiles.append((Path(name).name.replace("_", " "), shown))

    if "flow" in export.what and clip.flow_to_previous is not None:
        flow = _at_size(clip.flow_to_previous[index], frame.shape[:2])
        suffix = f".{export.flow_format}"
        data = flo_bytes(flow) if suffix == ".flo" else _npz_bytes(flow)
        write_file(numbered(folder / "flow", number, suffix, steps.names), data)
        picture("flow_colours", flow_colours(flow, largest=export.flow_range))
    if steps.templates and steps.extractor is not None:
        maps = saliency_maps(frame, steps.templates, steps.extractor)
        for template, values in zip(steps.templates, maps, strict=True):
            picture(f"saliency/{template.name}", np.rint(values * 255).astype(np.uint8))
    if "noise" in export.what and filling is not None:
        picture("noise", filling[index])
    if "mask" in export.what and clip.opacity is not None:
        picture("mask", np.rint(clip.opacity[index] * 255).astype(np.uint8))
    return tiles


def _at_size(flow: Float32Array | None, size: tuple[int, ...]) -> Float32Array:
    """The flow at the size of the frame; zero where unknown."""
    height, width = size
    return np.zeros((height, width, 2), np.float32) if flow is None else ops.resize_flow(flow, (height, width))


def _npz_bytes(flow: Float32Array) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, flow=flow)
    return file.getvalue()


def _is_export(path: Path, names: Sequence[str] = ()) -> bool:
    if path.name in (SETTINGS, SHEET):
        return path.is_file()
    if path.name == "saliency" and path.is_dir() and not path.is_symlink():
        return all(is_sequence(folder, ".png", names=names) for folder in path.iterdir())
    kinds = {"flow": (".flo", ".npz"), "flow_colours": (".png",), "noise": (".png",), "mask": (".png",)}
    return path.name in kinds and is_sequence(path, *kinds[path.name], names=names)
