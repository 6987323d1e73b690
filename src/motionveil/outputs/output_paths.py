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
    VIDEO_SUFFIXES,
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


def videos_below(folder: Path, *, leave_out: Path | None = None) -> list[Path]:
    """Videos and images in a folder and below, sorted; none if it contains no video.

    A folder that contains only images is one image sequence. Hidden files and folders, links to folders, and
    `leave_out` are skipped.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder):
        here = Path(place)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (leave_out is None or (here / name).resolve() != leave_out.resolve())
        )
        found += [here / name for name in sorted(names) if not name.startswith(".")]
    videos = [path for path in found if path.suffix.lower() in VIDEO_SUFFIXES]
    pictures = [path for path in found if path.suffix.lower() in IMAGE_SUFFIXES]
    return sorted([*videos, *pictures]) if videos else []


def plan_tree(folder: Path, files: Sequence[Path], target: str | Path | None) -> list[tuple[str | Path | int, Path]]:
    """Pair each file below a folder with its output path: the same tree in `target`, default FOLDER_veiled."""
    root = output_folder([folder], target)
    assert root is not None
    if root.suffix and not root.is_dir():
        raise OptionError(f"{root} is one file for {len(files)} inputs; give a folder")
    if root.resolve() == folder.resolve():
        raise OptionError(f"{root} is the input folder; give another folder")
    pairs = []
    for path in files:
        place = output_for(path, root / path.relative_to(folder).parent, many=True)
        pairs.append((path, place))
    places = [place for _, place in pairs]
    for path, place in pairs:
        if places.count(place) > 1:  # a.avi and a.mp4, which both become a.mp4
            raise OptionError(f"{path} and another file would both be {place}; rename one of them")
    return list(pairs)


def output_folder(sources: Sequence[str | Path | int], target: str | Path | None) -> Path | None:
    """The folder that `plan` puts several results into; None where each lies beside its source."""
    if target is not None:
        return Path(target)
    folder = Path(str(sources[0]))
    return folder.parent / f"{folder.resolve().name}_veiled" if len(sources) == 1 and folder.is_dir() else None


def plan(
    sources: Sequence[str | Path | int], target: str | Path | None, *, images: bool = False
) -> list[tuple[str | Path | int, Path]]:
    """Pair each source with its output path. A single folder that contains videos is replaced by all files below it.

    Raises:
        OptionError: If two outputs would have the same path, or one would replace another source.
    """
    if len(sources) == 1 and not isinstance(sources[0], int) and Path(sources[0]).is_dir() and not images:
        folder = Path(sources[0])
        below = videos_below(folder, leave_out=None if target is None else Path(target))
        if below:
            return plan_tree(folder, below, target)
    many = len(sources) > 1
    if many and target is not None and Path(target).suffix and not Path(target).is_dir():
        raise OptionError(f"{target} is one file for {len(sources)} inputs; give a folder")
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
