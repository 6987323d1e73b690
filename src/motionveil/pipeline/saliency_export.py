"""Exports saliency maps: one folder per attribute, a contact sheet, an overlay video."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from .. import drawing
from .._core.types import Clip
from ..detection.features import FeatureExtractor
from ..detection.saliency import matched, saliency_maps
from ..detection.templates import Template, TemplateLibrary, default_library
from ..obfuscation.factory import Networks, choose_templates
from ..obfuscation.presets import PRESETS
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
from ..video import VideoWriter
from .runner import OnProgress, Window, open_run

MAPS = replace(
    PRESETS["secure"].with_features("parts", short_side=384, levels=3), still_options={"short_side": 768, "levels": 3}
)
"""The default settings of `write_saliency`: the embedded encoder at a higher resolution than for video."""


def write_saliency(
    source: str | Path | int,
    directory: str | Path,
    *,
    attributes: Sequence[str] = ("attributes",),
    library: TemplateLibrary | None = None,
    networks: Networks | None = None,
    window: Window | None = None,
    video: bool = False,
    match_first: bool = False,
    keep_names: bool = False,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> Path:
    """Write saliency maps of every attribute and frame.

    Writes 8-bit greyscale images NAME/<attribute>/<frame>.png at the size of the frame (255 where the cosine similarity
    is 1, frames numbered with six digits from 000000), a contact sheet NAME/sheet.png, NAME/settings.json, and with
    `video` an overlay NAME/overlay.mp4 of the maximum over all maps. NAME is the file name of the source without its
    extension.

    Args:
        source: Anything that `open_source` reads.
        directory: Folder in which NAME is created.
        attributes: Names of templates and groups.
        library: Templates to choose from. Default: those of `default_library`.
        networks: Networks to use. Default: `MAPS`.
        window: Which part of the source to read.
        video: Also write the overlay.
        match_first: Replace each template by its best match in the first frame, see `saliency.matched`.
        keep_names: Name frames of a folder or sequence of images as they are.
        overwrite: Replace existing maps.
        on_progress: Called after each clip.

    Returns:
        The folder `directory`/NAME.

    Raises:
        MotionveilError: The message says what to do. Nothing is written.
    """
    window, directory = window or Window(), Path(directory)
    target = directory / folder_name(source)
    names = frame_names(source) if keep_names else ()
    check_replaceable(target, source, overwrite, kind="maps", is_ours=partial(_is_maps, names=names))
    networks = networks or Networks(MAPS)
    (library or default_library()).names(attributes)
    with open_run(source, window, on_progress=on_progress) as run:
        extractor = networks.extractor(still=run.info.is_image, frames=run.first_frames)
        choice = choose_templates(attributes, extractor, library=library, frames=run.first_frames)
        if choice.missing:
            run.notices.add(f"{target.name}: {', '.join(choice.missing)} could not be found in the first frames")
        templates: Sequence[Template] = choice.templates
        sheet = drawing.Moments()
        with new_folder(target, overwrite=overwrite) as working:
            with ExitStack() as stack:
                overlay = (
                    stack.enter_context(VideoWriter(working / _OVERLAY, run.info, private=True)) if video else None
                )
                stack.enter_context(run.stages)
                for clip in run.results(run.reader, len):
                    if match_first and not run.done:
                        templates = matched(templates, extractor(clip.frames[:1]))
                    painted = _write_clip(clip, templates, extractor, working, sheet, names)
                    if overlay is not None:
                        overlay.write(painted)
            drawing.write_image(working / SHEET, sheet.draw(), private=True)
            digest, _ = run.held.digest(reopened=True)
            told = _settings(source, attributes, networks, window, match_first)
            write_settings(working, {**told, "source": digest}, frames=run.done)
    return target


_OVERLAY = "overlay.mp4"


def maps_are_there(
    source: str | Path | int,
    directory: str | Path,
    *,
    attributes: Sequence[str],
    networks: Networks,
    window: Window,
    match_first: bool = False,
) -> bool:
    """Whether `write_saliency` completed with the same attributes, features and window; folders are always complete."""
    target = Path(directory) / folder_name(source)
    return made_with(target, _settings(source, attributes, networks, window, match_first))


def _settings(
    source: str | Path | int, attributes: Sequence[str], networks: Networks, window: Window, match_first: bool
) -> dict[str, Any]:
    preset = networks.preset
    chosen: dict[str, Any] = {"attributes": attributes, "features": preset.features, "match_first": match_first}
    chosen["options"] = preset.feature_options
    return {"source": source_digest(source), **chosen, "window": window}


def _is_maps(path: Path, names: Sequence[str] = ()) -> bool:
    return is_sequence(path, ".png", names=names) or (path.is_file() and path.name in (SHEET, _OVERLAY, SETTINGS))


def _write_clip(
    clip: Clip,
    templates: Sequence[Template],
    extractor: FeatureExtractor,
    folder: Path,
    sheet: drawing.Moments,
    names: Sequence[str],
) -> Clip:
    """Write the maps of a clip; returns it with the maximum of the maps overlaid on each frame."""
    painted = []
    for index, frame in enumerate(clip.frames):
        maps = saliency_maps(frame, templates, extractor)
        if sheet.wants(clip.start + index):
            tiles = [(t.name, drawing.overlay(frame, values)) for t, values in zip(templates, maps, strict=True)]
            sheet.add([(f"{float(clip.pts[index]):.2f} s", frame), *tiles])
        for template, values in zip(templates, maps, strict=True):
            grey = np.rint(values * 255).astype(np.uint8)
            drawing.write_image(numbered(folder / template.name, clip.start + index, ".png", names), grey)
        painted.append(drawing.overlay(frame, maps.max(axis=0)))
    return Clip(np.stack(painted), clip.start, clip.pts)
