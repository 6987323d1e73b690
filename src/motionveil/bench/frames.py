"""Frames of a dataset's clips, small, as networks see them."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import cv2
import numpy as np

from .. import ops
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


@dataclass(frozen=True)
class Look:
    """How frames are brought to a square: `crop` keeps their shape and lets the sides be cut off, `squash` does not."""

    size: int
    fit: Fit = "crop"


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

    def flow(self, record: Record, obfuscator: str, look: Look, *, mirrored: bool = False) -> UInt8Array:
        """The flow from every frame to the next one in Middlebury colours, of the shape of `frames`.

        The last frame repeats the one before it. mirrored: of the mirrored clip.
        """

        def read() -> UInt8Array:
            height, width = self.frames(record, obfuscator, look).shape[1:3]
            frames = self._read(record, obfuscator, _FLOW_SIDE)
            scale = np.array([1 / frames.shape[2], 1 / frames.shape[1]], np.float32)
            prepared = [self._flow.prepare(frame) for frame in frames]
            drawn = []
            for now, after in pairwise(prepared):
                # In shares of the picture's sides, so that squashing keeps directions comparable.
                flow = ops.resize_flow(self._flow.between(now, after), cast(tuple[int, int], frames.shape[1:3])) * scale
                small = cast(Float32Array, cv2.resize(flow, (width, height), interpolation=cv2.INTER_AREA))
                if mirrored:
                    small = small[:, ::-1] * np.array([-1, 1], np.float32)
                drawn.append(flow_colours(small, largest=FASTEST))
            if not drawn:
                drawn = [np.full((height, width, 3), 255, np.uint8)]
            return np.stack([*drawn, drawn[-1]][: len(frames)])

        return self._keep((record, obfuscator, look, "flow", mirrored), read)

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
