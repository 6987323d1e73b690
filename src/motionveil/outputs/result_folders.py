"""Result folders, one per source: written atomically, with their settings; only motionveil's own are replaced."""

from __future__ import annotations

import json
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from math import prod
from pathlib import Path
from typing import Any

from .._core.atomic_files import hidden_folder, make_folders, read_small_text, remove, remove_empty, sweep, take_place
from .._core.errors import InputError, OptionError, OutputError
from ..video import images_in, images_matching, is_pattern, source_name
from .run_manifest import plain

SETTINGS, SHEET = "settings.json", "sheet.png"


def folder_name(source: str | Path | int) -> str:
    """The name of a source's result folder: its file name without the extension."""
    path = Path(str(source))
    if is_pattern(source):
        return path.parent.resolve().name or "sequence"
    if path.is_dir():
        return path.resolve().name or "sequence"
    return Path(source_name(source)).stem


def check_names(sources: Sequence[str | Path | int]) -> None:
    """Raise OptionError if the results of two sources would share a folder."""
    counts = Counter(folder_name(source) for source in sources)
    for name, count in counts.items():
        if count > 1:
            raise OptionError(f"{count} inputs are named {name}; run them separately into different folders")


@contextmanager
def new_folder(target: Path, *, overwrite: bool) -> Iterator[Path]:
    """A hidden folder to write into, which becomes `target` at the end of the block and is removed on errors.

    Raises:
        OutputError: If it cannot be written.
    """
    with ExitStack() as stack:
        try:
            made = make_folders(target.parent)
            stack.callback(remove_empty, made)
            sweep(target.parent)
            working = hidden_folder(target)
            stack.callback(remove, working)
            yield working
            take_place(working, target, overwrite=overwrite)
        except OSError as error:
            reason = error.strerror or str(error)
            raise OutputError(f"{target} cannot be written ({reason}); choose another folder or free space") from error


def write_settings(folder: Path, settings: Mapping[str, Any], **found: Any) -> None:
    """Write the settings of the results. found: values that were determined during the run."""
    (folder / SETTINGS).write_text(json.dumps(plain({**settings, **found}), indent=2) + "\n")


def made_with(target: Path, settings: Mapping[str, Any]) -> bool:
    """Whether the folder contains results with these settings, with a whole file for every frame."""
    try:
        there = json.loads(read_small_text(target / SETTINGS))
    except (InputError, ValueError, RecursionError):
        return False
    # Compare as JSON, where tuples become lists.
    wanted = json.loads(json.dumps(plain(settings)))
    if not isinstance(there, dict) or any(there.get(key) != value for key, value in wanted.items()):
        return False
    return _is_whole(target, there.get("frames"))


def _is_whole(folder: Path, frames: object) -> bool:
    """Whether every folder of files below this one has as many as there are frames, and each can be opened."""
    try:
        for path in folder.iterdir():
            if path.is_dir():
                files = [each for each in path.iterdir() if each.is_file()]
                if files and (len(files) != frames or not all(map(_opens, files))):
                    return False
                if not files and not _is_whole(path, frames):
                    return False
    except OSError:
        return False
    return True


def _opens(path: Path) -> bool:
    """Whether an image or an array begins and ends as its format does: it was neither cut off nor overwritten."""
    data = path.read_bytes()
    if path.suffix == ".png":
        return data.startswith(b"\x89PNG") and data.endswith(b"IEND\xaeB`\x82")
    if path.suffix == ".flo":
        return len(data) >= 12 and len(data) == 12 + 8 * prod(int.from_bytes(data[i : i + 4], "little") for i in (4, 8))
    return zipfile.is_zipfile(path)


def check_replaceable(
    target: Path, source: str | Path | int, overwrite: bool, *, kind: str, is_ours: Callable[[Path], bool]
) -> None:
    """Raise OutputError unless results may be written here: the folder is new or may be replaced.

    kind: the name of the results in messages. is_ours: whether an entry of the folder is of that kind.
    """
    place, read = target.resolve(), Path(str(source)).resolve()
    if read.exists() and (place == read or place in read.parents or (read.is_dir() and read in place.parents)):
        raise OutputError(f"{target} is the input, or one contains the other; choose another folder")
    if not target.exists():
        return
    if not overwrite:
        raise OutputError(f"{target} already exists; choose another folder, or pass `overwrite=True`")
    # Only files created by motionveil are ever removed.
    strange = [p.name for p in target.iterdir() if not is_ours(p)] if target.is_dir() else [target.name]
    if strange:
        raise OutputError(f"{target} contains other files than {kind} ({strange[0]}); choose another folder")


def is_sequence(path: Path, *suffixes: str, names: Sequence[str] = ()) -> bool:
    """Whether this is a folder of numbered files of these types only. names: as in `numbered`."""
    if not path.is_dir() or path.is_symlink():
        return False
    allowed = set(names)
    return all(
        (p.stem in allowed or re.fullmatch(r"\d{6,}", p.stem)) and p.suffix in suffixes and p.is_file()
        for p in path.iterdir()
    )


def numbered(folder: Path, index: int, suffix: str, names: Sequence[str] = ()) -> Path:
    """The path of one frame: six digits from 000000, or the name at its place in `names`, if there are any."""
    return folder / f"{names[index] if names else f'{index:06d}'}{suffix}"


def frame_names(source: str | Path | int) -> tuple[str, ...]:
    """The names of the images of a folder or sequence, without extension; empty for other sources, and where two images
    have one name."""
    path = Path(str(source))
    images = images_in(path) if path.is_dir() else images_matching(str(source)) if is_pattern(source) else []
    names = tuple(image.stem for image in images)
    return names if len(set(names)) == len(names) else ()
