"""Paths of outputs."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from .._core.errors import OptionError
from ..video import (
    COLOUR_IMAGE_SUFFIXES,
    CONTAINERS,
    HEIF_SUFFIXES,
    IMAGE_SUFFIXES,
    Target,
    is_animation,
    is_numbered,
    is_pattern,
    source_name,
)


class SidePaths(NamedTuple):
    """Files beside an output; None if not requested."""

    preview: Path | None
    sheet: Path | None
    record: Path | None


def side_paths(target: str | Path, *, preview: bool, record: bool) -> SidePaths:
    """Paths of the preview, its contact sheet and the run manifest of an output."""
    path = Target.parse(target).path
    kind = path.suffix.lower()
    suffix = ".png" if kind in IMAGE_SUFFIXES else path.suffix if kind in CONTAINERS and kind != ".gif" else ".mp4"
    return SidePaths(
        path.with_name(f"{path.stem}.preview{suffix}") if preview else None,
        path.with_name(f"{path.stem}.sheet.png") if preview else None,
        path.with_name(f"{path.name}.json") if record else None,
    )


def audit_path(target: str | Path) -> Path:
    """The path of the audit report of an output."""
    path = Target.parse(target).path
    return path.with_name(f"{path.name}.audit")


def output_for(source: str | Path | int, target: str | Path | None, *, many: bool, images: bool = False) -> Path:
    """The output path for one source.

    Without a target: NAME_veiled.EXT beside the source. With a folder, a name that ends with / or has no extension, or
    several sources (`many`): the source's file name in that folder, unless numbered `images` are requested. Formats
    that cannot be written become MP4, PNG, or (for HEIC and AVIF) JPEG.
    """
    path = Path(source_name(source))
    given = Path(str(source))
    if is_pattern(source):
        stem, suffix, folder = given.parent.resolve().name or "sequence", ".mp4", given.parent.parent
    elif given.is_dir():
        stem, suffix, folder = given.resolve().name or "sequence", ".mp4", given.parent
    else:
        stem, suffix, folder = path.stem, path.suffix, given.parent
        if is_animation(given):
            suffix = ".mp4"
        elif suffix.lower() in HEIF_SUFFIXES:  # more widely supported
            suffix = ".jpg"
        elif suffix.lower() in IMAGE_SUFFIXES:
            suffix = suffix if suffix.lower() in COLOUR_IMAGE_SUFFIXES else ".png"
        elif suffix.lower() not in CONTAINERS or suffix.lower() == ".avi":  # which cannot store variable frame rates
            suffix = ".mp4"
    # A single name must not be mistaken for a pattern.
    if suffix.lower() in IMAGE_SUFFIXES and is_numbered(f"{stem}_{suffix}"):
        stem = stem.replace("%", "_")
    if target is None:
        return (folder if folder.is_dir() and "://" not in str(source) else Path()) / f"{stem}_veiled{suffix}"
    place = Path(target)
    is_folder = (
        place.is_dir() or str(target).endswith(("/", os.sep)) or not (place.suffix or images or str(target) == "-")
    )
    if images:
        return place / stem if many else place
    return place / f"{stem}{suffix}" if many or is_folder else place


def plan(
    sources: Sequence[str | Path | int], target: str | Path | None, *, images: bool = False
) -> list[tuple[str | Path | int, Path]]:
    """Pair each source with its output path.

    Raises:
        OptionError: If two outputs would have the same path, or one would replace another source.
    """
    many = len(sources) > 1
    if many and target is not None and Path(target).suffix and not Path(target).is_dir():
        raise OptionError(f"{target} is one file for {len(sources)} inputs; give a folder with -o")
    pairs = [(source, output_for(source, target, many=many, images=images)) for source in sources]
    taken: dict[Path, str | Path | int] = {
        Path(str(source)).resolve(): source for source in sources if Path(str(source)).exists()
    }
    planned: set[Path] = set()
    for source, place in pairs:
        other = taken.setdefault(place.resolve(), source)
        if other != source or place.resolve() in planned:
            raise OptionError(
                f"{source} and {other} would both be written to {place}; run them separately with distinct names"
            )
        planned.add(place.resolve())
    return pairs
