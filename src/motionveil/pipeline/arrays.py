"""Obfuscation of arrays, for programs that read and write video themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from typing import Any, Literal

import numpy as np

from .._core.errors import InputError, OptionError
from .._core.types import Clip, UInt8Array
from ..fillers import Filler
from ..flow import DISFlow
from ..obfuscation.factory import Networks, assemble, choose_region, where_of
from ..obfuscation.obfuscators import Obfuscator, Selective
from ..obfuscation.presets import Preset
from ..regions import Where

Channels = Literal["rgb", "bgr"]
"""Order of the channels; OpenCV uses "bgr"."""

_CLIP_LENGTH = 4


def obfuscate_frames(
    frames: Iterable[UInt8Array],
    *,
    frame_rate: float = 25.0,
    channels: Channels = "rgb",
    hide: str | Sequence[str] | None = None,
    where: Where | None = None,
    preset: str | Preset | None = None,
    filler: str | Filler | None = None,
    obfuscator: Obfuscator | None = None,
    networks: Networks | None = None,
    seed: int | None = None,
) -> Iterator[UInt8Array]:
    """Obfuscate the frames of one video, one by one, for programs that read and write video themselves.

    The first result is delayed by up to a second of frames, because people are covered from before their first
    detection. Pass the frames of one video only; motion is estimated from each frame to the next.

    Args:
        frames: (H, W, 3) uint8 arrays, all of one size.
        frame_rate: Frames per second, for all settings in seconds.
        channels: "rgb" or, as in OpenCV, "bgr"; also the order of the results.
        hide: Names of templates and groups. Default: 'person'.
        where: A complete description of the regions, instead of `hide`.
        preset: Settings of the method. Default: 'secure'.
        filler: What to replace pixels with, by its name in `FILLERS` or as an object. Default: the preset's.
        obfuscator: Any method of your own, instead of the above.
        networks: The networks of a preset, loaded once for several videos, instead of `preset`.
        seed: Makes the noise reproducible, for experiments.

    Yields:
        The same number of arrays, of the same size.

    Raises:
        MotionveilError: If the arguments are invalid; the message names the fix.

    Example:
        ```
        for veiled in obfuscate_frames(frames, frame_rate=30, channels="bgr"):
            cv2.imshow("veiled", veiled)
        ```
    """
    method = obfuscator or _method(hide, where, preset, filler, networks, seed, still=False)
    if not frame_rate > 0:
        raise OptionError(f"the frame rate must be above 0, not {frame_rate}")
    order = _order(channels)
    rate = Fraction(frame_rate).limit_denominator(1001)

    def results() -> Iterator[UInt8Array]:
        for clip in method.stream(_clips(frames, rate, order)):
            for frame in clip.frames:
                yield np.ascontiguousarray(frame[..., order])

    return results()


def obfuscate_image(
    image: UInt8Array,
    *,
    channels: Channels = "rgb",
    hide: str | Sequence[str] | None = None,
    where: Where | None = None,
    preset: str | Preset | None = None,
    filler: str | Filler | None = None,
    networks: Networks | None = None,
    seed: int | None = None,
) -> UInt8Array:
    """Obfuscate one image, at a higher resolution than frames of a video. Arguments as in `obfuscate_frames`.

    Returns:
        (H, W, 3) uint8, a new array.

    Raises:
        MotionveilError: If the arguments are invalid; the message names the fix.
    """
    method = _method(hide, where, preset, filler, networks, seed, still=True)
    order = _order(channels)
    (clip,) = method.stream(_clips([image], Fraction(25), order))
    return np.ascontiguousarray(clip.frames[0][..., order])


def _order(channels: Channels) -> slice:
    if channels not in ("rgb", "bgr"):
        raise OptionError(f"channels must be 'rgb' or 'bgr', not {channels!r}")
    return slice(None, None, -1 if channels == "bgr" else 1)


def _method(
    hide: str | Sequence[str] | None,
    where: Where | None,
    preset: str | Preset | None,
    filler: str | Filler | None,
    networks: Networks | None,
    seed: int | None,
    *,
    still: bool,
) -> Selective:
    if networks is not None and preset is not None:
        raise OptionError("give either networks or a preset, not both; networks include a preset")
    networks = networks or Networks(preset or "secure")
    region, _ = choose_region(where_of(hide, where), networks.preset, lambda: networks.extractor(still=still))
    flow = DISFlow() if still else networks.flow
    if filler is not None and not isinstance(filler, str):
        return Selective(region, filler, flow)
    chosen = networks.preset if filler is None else networks.preset.with_filler(filler)
    return assemble(chosen, region, flow, seed=seed)


def _clips(frames: Iterable[Any], rate: Fraction, order: slice) -> Iterator[Clip]:
    """Short clips of frames, validated, in RGB."""
    waiting: list[UInt8Array] = []
    count, shape = 0, (0, 0, 3)
    for frame in frames:
        if not isinstance(frame, np.ndarray) or frame.ndim != 3 or frame.shape[2] != 3 or frame.dtype != np.uint8:
            what = f"{getattr(frame, 'shape', type(frame).__name__)} {getattr(frame, 'dtype', '')}".strip()
            raise InputError(f"frame {count} must be a (H, W, 3) uint8 array, not {what}; convert it first")
        if count and frame.shape != shape:
            raise InputError(f"frame {count} is {frame.shape[1]}x{frame.shape[0]}, unlike the others; resize it first")
        shape = frame.shape
        waiting.append(np.ascontiguousarray(frame[..., order]))
        count += 1
        if len(waiting) == _CLIP_LENGTH:
            yield _clip(waiting, count, rate)
            waiting = []
    if waiting:
        yield _clip(waiting, count, rate)
    if not count:
        raise InputError("there are no frames to obfuscate")


def _clip(frames: list[UInt8Array], count: int, rate: Fraction) -> Clip:
    start = count - len(frames)
    return Clip(np.stack(frames), start, tuple(Fraction(start + i) / rate for i in range(len(frames))))
