"""Device placement: a method runs on one GPU from upload to download of a frame, or on the CPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .. import ops
from .._core.types import Clip
from ..regions import everything_in
from .obfuscators import Obfuscator, Selective


def gpu_of(method: Obfuscator) -> ops.Device:
    """The GPU that all networks of a method run on, for `on_device`; None if any part runs on the CPU.

    Parts declare their device as `device`; parts without it, such as DIS, run on the CPU. The embedded encoder runs on
    OpenVINO, hence on the CPU: frames would move to the GPU and back for each step in between. Methods other than
    `Selective` take frames in host memory.
    """
    if not isinstance(method, Selective):
        return None
    parts = [method.flow, *(r.extractor for r in everything_in(method.region) if hasattr(r, "extractor"))]
    devices = {getattr(part, "device", "cpu") for part in parts}
    return None if len(devices) > 1 or devices == {"cpu"} else devices.pop()


def on_device(clips: Iterable[Clip], device: ops.Device) -> Iterator[Clip]:
    """Move clips, with flow and opacity, to a device as tensors; None leaves them as they are."""
    for clip in clips:
        if device is not None:
            flows = clip.flow_to_previous
            if flows is not None:
                flows = tuple(None if flow is None else ops.to_device(flow, device) for flow in flows)
            opacity, figure = (
                None if known is None else ops.to_device(known, device) for known in (clip.opacity, clip.figure)
            )
            frames = ops.to_device(clip.frames, device)
            clip = replace(clip, frames=frames, flow_to_previous=flows, opacity=opacity, figure=figure)
        yield clip


def on_host(clip: Clip) -> Clip:
    """A clip with frames as a numpy array. Flow and opacity on a GPU are dropped, being larger than the frames."""
    if ops.device_of(clip.frames) is None:
        return clip
    return replace(clip, frames=ops.to_host(clip.frames), flow_to_previous=None, opacity=None, heads=None, figure=None)
