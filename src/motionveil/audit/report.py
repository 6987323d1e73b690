"""The audit report: an HTML page and a JSON file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .. import drawing, ops
from .._core.atomic_files import PendingFile, check_folder, commit_all, make_folders, remove_empty, sweep
from .._core.errors import OutputError
from .._core.types import UInt8Array
from ..detection.features.encoder import ASSETS

PAGE, DATA = "report.html", "report.json"
_MOST = (1600, 3200)


class Picture(NamedTuple):
    """An image (H, W, 3) uint8 RGB with a caption."""

    caption: str
    image: UInt8Array


Pictures = Mapping[str, Sequence[Picture]]
"""By section of the page: overview, coverage, doubts, redetection, reconstruction."""


def check_place(directory: Path, *, overwrite: bool, sources: Iterable[str | Path] = ()) -> None:
    """Check that a report may be written to this folder; it shows the original.

    sources: image folders that it must not be part of.

    Raises:
        OutputError: If it may not.
    """
    place = directory.resolve()
    for folder in (Path(source).resolve() for source in sources):
        if folder.is_dir() and (place == folder or folder in place.parents):
            raise OutputError(f"{directory} is inside the image folder {folder.name}; choose another folder")
    check_folder(directory)
    for name in (PAGE, DATA):
        if (directory / name).exists() and not overwrite:
            raise OutputError(f"{directory / name} already exists; choose another folder, or pass `overwrite=True`")


def write_report(directory: Path, report: Mapping[str, Any], pictures: Pictures, *, overwrite: bool = False) -> None:
    """Write report.html and report.json to a folder, both or neither. report: see docs/audit.md.

    A page with images shows the original, and is readable by its owner only.
    """
    check_place(directory, overwrite=overwrite)
    facts_text = json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    # Undecodable bytes of a file name are escaped.
    shown, data = (text.encode("utf-8", "backslashreplace") for text in (render(report, pictures), facts_text))
    with ExitStack() as stack:
        made = make_folders(directory)
        stack.callback(remove_empty, made)
        sweep(directory)
        page = PendingFile(directory / PAGE, shown, overwrite=overwrite, private=bool(pictures))
        stack.enter_context(page)
        facts = stack.enter_context(PendingFile(directory / DATA, data, overwrite=overwrite))
        commit_all([(facts.path, facts.commit), (page.path, page.commit)])


def render(report: Mapping[str, Any], pictures: Pictures) -> str:
    """The HTML page: self-contained, without scripts, with all text escaped."""
    environment = Environment(
        loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    shown = {
        section: [{"caption": caption, "data": _embedded(image)} for caption, image in items]
        for section, items in pictures.items()
        if items
    }
    return environment.get_template("audit.html.j2").render(report=report, pictures=shown)


def _embedded(image: UInt8Array) -> str:
    """The image as a data URL."""
    scale = min(1.0, *(most / length for most, length in zip(_MOST, image.shape[:2], strict=True)))
    if scale < 1:
        size = (max(1, round(image.shape[0] * scale)), max(1, round(image.shape[1] * scale)))
        image = ops.resize_image(image, size)
    return "data:image/jpeg;base64," + base64.b64encode(drawing.encode_image(image, ".jpg")).decode()
