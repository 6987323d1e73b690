"""Downsampled frames of a dataset's clips, and the files in which they are stored."""

from __future__ import annotations

import logging
import shutil
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self, cast

import cv2
import numpy as np
from filelock import FileLock
from torch.utils.data import get_worker_info

from motionveil._core.atomic_files import hidden_file, remove, take_place
from motionveil._core.errors import InputError
from motionveil._core.types import Float32Array, UInt8Array
from motionveil.flow import DISFlow, FlowEstimator
from motionveil.flow.middlebury import flow_colours
from motionveil.video import images_matching, is_pattern, open_source

from ..copies.preparation import Preparation
from ..records import Record
from ..results import hash_of


def open_decoded(path: Path) -> UInt8Array:
    """A clip written by `DecodedWriter`, (T, H, W, C) uint8, read-only. Frames are memory-mapped: several processes may
    read a clip, and it is in memory once.
    """
    return np.asarray(np.load(path, mmap_mode="r"))


class DecodedWriter:
    """Writes a clip as ``.npy`` in parts, so that memory never holds all of it; a context manager.

    The file appears with `commit`, complete or not at all.

    Raises:
        OSError: If it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.num_frames = 0
        self._shape: tuple[int, ...] = ()
        self._temporary = hidden_file(path)
        self._file = self._temporary.open("wb")

    def add(self, frames: UInt8Array) -> None:
        """Add the next frames, (n, H, W, C) uint8."""
        if not self._shape:
            self._shape = frames.shape[1:]
            self._write_heading()
        self._file.write(np.ascontiguousarray(frames).data)
        self.num_frames += len(frames)

    def commit(self) -> None:
        """Make the file appear."""
        self._file.seek(0)
        self._write_heading()
        self._file.close()
        take_place(self._temporary, self.path, overwrite=True)

    def _write_heading(self) -> None:
        # NumPy reserves space in the header for the number of frames to grow, so its length does not change.
        heading = {"descr": "|u1", "fortran_order": False, "shape": (self.num_frames, *self._shape)}
        np.lib.format.write_array_header_1_0(self._file, heading)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        remove(self._temporary)


_log = logging.getLogger("motionveil.bench")  # displayed by the command line, like all loggers of motionveil
VERSION = 1
"""Increase this if the same sources would be decoded to other frames or flow; older files are then rebuilt."""
Span = tuple[int, int | None]
"""First frame and last frame (exclusive); None for the end, as in `Record`."""
Parts = Iterator[tuple[Span, UInt8Array]]
"""Parts of clips of one source, in frame order."""
Fit = Literal["crop", "squash"]
FASTEST = 0.05
"""Flow between frames, as a fraction of the image side, that is shown in full colour."""
_FLOW_SIDE = 160
_STILL, _LEVELS = 128, 96
"""The byte for no motion, and the distance of the fastest distinguishable motion from it."""


@dataclass(frozen=True)
class Look:
    """How frames become square: `crop` keeps the aspect ratio and crops the sides, `squash` does not."""

    size: int
    fit: Fit = "crop"


def flow_pictures(flow: UInt8Array, *, mirrored: bool = False) -> UInt8Array:
    """Flow (T, h, w, 2) of `FrameStore.flow` in Middlebury colours, (T, h, w, 3). mirrored: for mirrored clips."""
    if mirrored:
        flow = flow[:, :, ::-1]
    x = 2 * _STILL - flow[..., 0].astype(np.intp) if mirrored else flow[..., 0].astype(np.intp)
    return _colours()[flow[..., 1], np.minimum(x, 255)]


@cache
def _colours() -> UInt8Array:
    """(256, 256, 3): the colour of each flow that bytes can represent, by y and x."""
    axis = (np.arange(256, dtype=np.float32) - _STILL) / _LEVELS
    return flow_colours(np.stack(np.meshgrid(axis, axis), -1).astype(np.float32), largest=1.0)


class FrameStore:
    """Decoded clips. The first access to a clip decodes its source once and writes all expected clips of it; later
    accesses, also from other processes and in later runs, read them from there (see `DecodedWriter`).

    Args:
        preparation: Provides the sources.
        folder: For the decoded clips, may be deleted at any time; None for `decoded` next to the obfuscated copies.
        spare: Fraction of the disk to keep free. With less, or if nothing can be written, clips are kept in memory.
        memory: Limit for that in GiB, shared by loader processes; the least recently used clips are dropped first.
    """

    def __init__(
        self,
        preparation: Preparation,
        *,
        folder: Path | None = None,
        memory: float = 2.0,
        spare: float = 0.1,
        flow: FlowEstimator | None = None,
    ) -> None:
        self.preparation = preparation
        self.folder = folder or preparation.cache.with_name("decoded")
        self.limit = int(memory * 2**30)
        self._spare = spare
        self._writes = True
        self._flow = flow or DISFlow(preset="fast", short_side=_FLOW_SIDE)
        self._expected: dict[str, set[Span]] = {}
        self._folders: dict[tuple[str, str], tuple[Path, Path]] = {}
        self._kept: OrderedDict[Path, UInt8Array] = OrderedDict()

    def expect(self, records: Iterable[Record]) -> None:
        """Announce clips, so that clips of the same source are decoded together."""
        for record in records:
            self._expected.setdefault(record.source, set()).add((record.start, record.stop))

    def frames(self, record: Record, obfuscator: str, look: Look) -> UInt8Array:
        """All frames of a clip under this obfuscator, (T, h, w, 3) uint8 RGB; the short side is `look.size`.

        Raises:
            InputError: If the source has fewer frames than the record states.
        """
        size = (look.size, look.size) if look.fit == "squash" else look.size

        def parts(path: Path, spans: Sequence[Span]) -> Parts:
            return _decoded(path, spans, size)

        return self._get(record, obfuscator, f"{look.fit}{look.size}", parts)

    def flow(self, record: Record, obfuscator: str, look: Look) -> UInt8Array:
        """The flow from each frame to the next one, (T, h, w, 2) uint8, for `flow_pictures`, at the size of `frames`.

        The last frame repeats the previous one.
        """
        shape = self.frames(record, obfuscator, look).shape[1:3]

        def parts(path: Path, spans: Sequence[Span]) -> Parts:
            return self._flows(_decoded(path, spans, _FLOW_SIDE), shape, look.fit)

        return self._get(record, obfuscator, f"{look.fit}{look.size}-flow{hash_of(repr(self._flow))}", parts)

    def _flows(self, decoded: Parts, shape: tuple[int, int], fit: Fit) -> Parts:
        height, width = shape
        before: dict[Span, Any] = {}
        last: dict[Span, UInt8Array] = {}
        for span, frames in decoded:
            levels = []
            for frame in frames:
                now = self._flow.prepare(frame)
                if span in before:
                    flow = self._flow.between(before[span], now)
                    # In fractions of both sides, so that squashed frames have the directions of the square;
                    # with the aspect ratio kept, of the short side, so that directions are preserved.
                    sides = (flow.shape[1], flow.shape[0]) if fit == "squash" else (min(flow.shape[:2]),) * 2
                    share = cast(Float32Array, flow / np.array(sides, np.float32))
                    share = cast(Float32Array, cv2.resize(share, (width, height), interpolation=cv2.INTER_AREA))
                    levels.append(_levels(share))
                before[span] = now
            if levels:
                last[span] = levels[-1][None]
                yield span, np.stack(levels)
        for span in before:
            yield span, last.get(span, np.full((1, height, width, 2), _STILL, np.uint8))

    def _places(self, source: str, obfuscator: str) -> tuple[Path, Path]:
        """The location of a source under this obfuscator, and the folder of its decoded clips."""
        key = (source, obfuscator)
        if key not in self._folders:
            path = self.preparation.prepare(source, obfuscator)
            files = [path]
            if path.is_dir() or is_pattern(path):
                files = list(path.iterdir()) if path.is_dir() else images_matching(str(path))
            told = sorted((file.name, (found := file.stat()).st_size, found.st_mtime_ns) for file in files)
            name = path.parent.name if is_pattern(path) else path.stem
            self._folders[key] = path, self.folder / obfuscator / f"{name}-{hash_of([VERSION, source, told])}"
        return self._folders[key]

    def _get(
        self, record: Record, obfuscator: str, kind: str, parts: Callable[[Path, Sequence[Span]], Parts]
    ) -> UInt8Array:
        """The record's part of a source as computed by `parts`: from a file, which is created if missing."""
        path, folder = self._places(record.source, obfuscator)

        def place(span: Span) -> Path:
            return folder / f"{kind}-{span[0]}-{'end' if span[1] is None else span[1]}.npy"

        own = (record.start, record.stop)
        if not place(own).exists() and place(own) not in self._kept and self._may_write():
            spans = sorted(self._expected.get(record.source, set()) | {own}, key=str)
            try:
                folder.mkdir(parents=True, exist_ok=True)
                with FileLock(folder / f".{kind}.lock"):  # another process may have it in progress, or finished
                    missing = {span: place(span) for span in spans if not place(span).exists()}
                    if own in missing:
                        _write(missing, parts(path, list(missing)))
            except OSError as error:
                self._stay_in_memory(f"{folder} cannot be written ({error.strerror})")
        if place(own).exists():
            return open_decoded(place(own))
        return self._keep(place(own), lambda: _whole(record, path, (frames for _, frames in parts(path, [own]))))

    def _may_write(self) -> bool:
        if self._writes:
            there = next(folder for folder in (self.folder, *self.folder.absolute().parents) if folder.exists())
            disk = shutil.disk_usage(there)
            if disk.free <= self._spare * disk.total:
                self._stay_in_memory(f"the disk of {there} has only {disk.free / 2**30:.0f} GiB left")
        return self._writes

    def _stay_in_memory(self, reason: str) -> None:
        _log.warning("%s: decoded clips stay in memory, and are decoded again when that is full", reason)
        self._writes = False

    def _keep(self, key: Path, read: Callable[[], UInt8Array]) -> UInt8Array:
        if key not in self._kept:
            self._kept[key] = read()
        self._kept.move_to_end(key)
        worker = get_worker_info()
        limit = self.limit / (worker.num_workers if worker else 1)
        while len(self._kept) > 1 and sum(frames.nbytes for frames in self._kept.values()) > limit:
            self._kept.popitem(last=False)
        return self._kept[key]


def _levels(share: Float32Array) -> UInt8Array:
    """Quantise flow, in fractions of a side, to bytes."""
    return np.clip(np.rint(share * (_LEVELS / FASTEST) + _STILL), 0, 255).astype(np.uint8)


def _decoded(path: Path, spans: Sequence[Span], size: int | tuple[int, int]) -> Parts:
    """The frames of several spans of a source, in parts as they are decoded."""
    with open_source(path, size=size) as reader:
        for clip in reader:
            for start, stop in spans:
                begin = max(0, start - clip.start)
                end = len(clip) if stop is None else min(len(clip), stop - clip.start)
                if begin < end:
                    yield (start, stop), clip.frames[begin:end]
            if all(stop is not None and clip.start + len(clip) >= stop for _, stop in spans):
                break


def _write(places: Mapping[Span, Path], parts: Parts) -> None:
    """All clips that are complete."""
    with ExitStack() as stack:
        writers = {span: stack.enter_context(DecodedWriter(path)) for span, path in places.items()}
        for span, frames in parts:
            writers[span].add(frames)
        for span, writer in writers.items():
            if _is_whole(span, writer.num_frames):
                writer.commit()


def _is_whole(span: Span, num_frames: int) -> bool:
    """Whether the number of missing frames is within the differences between lists and decoders."""
    wanted = (span[1] or 0) - span[0]
    return num_frames > 0 and num_frames >= wanted - max(2, wanted // 20)


def _whole(record: Record, path: Path, parts: Iterable[UInt8Array]) -> UInt8Array:
    """Concatenate the parts of a clip. Raises InputError if too many frames are missing."""
    found = list(parts)
    count = sum(map(len, found))
    if not _is_whole((record.start, record.stop), count):
        raise InputError(
            f"{path} has only {record.start + count} of the {record.stop or 'expected'} frames that "
            f"{record.name} needs; fetch that file again"
        )
    return np.concatenate(found)
