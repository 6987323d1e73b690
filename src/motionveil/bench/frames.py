"""Frames of a dataset's clips, small, as networks see them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal, cast

import cv2
import numpy as np

from ..errors import InputError
from ..flow import DISFlow, FlowEstimator
from ..middlebury import flow_colours
from ..types import Float32Array, UInt8Array
from ..video import open_source
from .preparation import Preparation
from .records import Record

Fit = Literal["crop", "squash"]
FASTEST = 0.05
"""Flow of this share of the picture's side from one frame to the next gets the full colour."""
_FLOW_SIDE = 160
_STILL, _LEVELS = 128, 96
"""No motion, and how far from it the fastest one that is told apart lies, in the bytes that flow is kept in."""


@dataclass(frozen=True)
class Look:
    """How frames are brought to a square: `crop` keeps their shape and lets the sides be cut off, `squash` does not."""

    size: int
    fit: Fit = "crop"


def flow_pictures(flow: UInt8Array, *, mirrored: bool = False) -> UInt8Array:
    """Flow (T, h, w, 2) of `FrameStore.flow` in Middlebury colours, (T, h, w, 3). mirrored: of the mirrored clip."""
    if mirrored:
        flow = flow[:, :, ::-1]
    x = 2 * _STILL - flow[..., 0].astype(np.intp) if mirrored else flow[..., 0].astype(np.intp)
    return _colours()[flow[..., 1], np.minimum(x, 255)]


@cache
def _colours() -> UInt8Array:
    """(256, 256, 3): the colour of every flow that bytes can hold, by y and x."""
    axis = (np.arange(256, dtype=np.float32) - _STILL) / _LEVELS
    return flow_colours(np.stack(np.meshgrid(axis, axis), -1).astype(np.float32), largest=1.0)


class FrameStore:
    """Decoded clips, kept in memory up to a limit; those not asked for the longest are dropped first.

    preparation: where the files are. memory: GiB.
    """

    def __init__(self, preparation: Preparation, *, memory: float = 2.0, flow: FlowEstimator | None = None) -> None:
        self.preparation = preparation
        self.limit = int(memory * 2**30)
        self._flow = flow or DISFlow(preset="fast", short_side=_FLOW_SIDE)
        self._kept: OrderedDict[tuple[object, ...], UInt8Array] = OrderedDict()
        self._bytes = 0

    def frames(self, record: Record, obfuscator: str, look: Look) -> UInt8Array:
        """All frames of a clip as this obfuscator shows it, (T, h, w, 3) uint8 RGB; the shorter side is `look.size`.

        Raises InputError where the source holds fewer frames than the record says.
        """

        def read() -> UInt8Array:
            return self._read(record, obfuscator, (look.size, look.size) if look.fit == "squash" else look.size)

        return self._keep((record, obfuscator, look), read)

    def flow(self, record: Record, obfuscator: str, look: Look) -> UInt8Array:
        """The flow from every frame to the next one, (T, h, w, 2) uint8, for `flow_pictures`; as large as `frames`.

        The last frame repeats the one before it.
        """

        def read() -> UInt8Array:
            height, width = self.frames(record, obfuscator, look).shape[1:3]
            frames = self._read(record, obfuscator, _FLOW_SIDE)
            prepared = [self._flow.prepare(frame) for frame in frames]
            flows = [np.zeros((height, width, 2), np.float32)] if len(frames) == 1 else []
            for now, after in pairwise(prepared):
                flow = self._flow.between(now, after)
                # In shares of the picture's sides, so that squashing keeps directions comparable.
                share = cast(Float32Array, flow / np.array([flow.shape[1], flow.shape[0]], np.float32))
                flows.append(cast(Float32Array, cv2.resize(share, (width, height), interpolation=cv2.INTER_AREA)))
            levels = np.stack([*flows, flows[-1]][: len(frames)]) * (_LEVELS / FASTEST) + _STILL
            return cast(UInt8Array, np.clip(np.rint(levels), 0, 255).astype(np.uint8))

        return self._keep((record, obfuscator, look, "flow"), read)

    def _read(self, record: Record, obfuscator: str, size: int | tuple[int, int]) -> UInt8Array:
        path = self.preparation.prepare(record.source, obfuscator)
        with open_source(path, size=size) as reader:
            parts = []
            for clip in reader:
                if record.stop is not None and clip.start >= record.stop:
                    break
                begin = max(0, record.start - clip.start)
                end = len(clip) if record.stop is None else min(len(clip), record.stop - clip.start)
                if begin < end:
                    parts.append(clip.frames[begin:end])
        frames = np.concatenate(parts) if parts else np.empty((0, 1, 1, 3), np.uint8)
        wanted = (record.stop or 0) - record.start
        if not len(frames) or len(frames) < wanted - max(2, wanted // 20):
            raise InputError(
                f"{path} has only {record.start + len(frames)} of the {record.stop or 'expected'} frames that "
                f"{record.name} needs; fetch that file again"
            )
        return frames

    def _keep(self, key: tuple[object, ...], read: Callable[[], UInt8Array]) -> UInt8Array:
        key = (key[0].name if isinstance(key[0], Record) else key[0], *key[1:])
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        frames = read()
        self._kept[key] = frames
        self._bytes += frames.nbytes
        while self._bytes > self.limit and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return frames
