"""Conversion of decoded frames to RGB: matrix and range, alpha, high dynamic range."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from motionveil._core.types import UInt8Array, UInt16Array

from .gamut import WIDE_PRIMARIES, GamutMap
from .tonemap import HLG, PQ, ToneMap
from .yuv420 import planes_of, rgb_of

if TYPE_CHECKING:
    import av
    import av.filter

# FFmpeg's AVColorSpace and AVColorRange, and libswscale's numbers for the same matrices
BT709, BT601, SMPTE170M, BT2020 = 1, 5, 6, 9
LIMITED, FULL = 1, 2
_BT2020_CONSTANT_LUMINANCE = 10
_WEIGHTS = {BT709: (0.2126, 0.0722), BT601: (0.299, 0.114), BT2020: (0.2627, 0.0593)}
"""Of red and blue in the luma of a matrix."""
_PLANAR_420 = ("yuv420p", "yuvj420p")
_MATRICES = {BT709: BT709, 4: 4, 5: BT601, SMPTE170M: BT601, 7: 7, BT2020: BT2020, _BT2020_CONSTANT_LUMINANCE: BT2020}


def default_matrix(height: int) -> int:
    """The YUV matrix of a video that does not specify one: BT.709 from 720 lines up, BT.601 below."""
    return BT709 if height >= 720 else BT601


class RgbConverter:
    """Converts decoded frames to 8-bit RGB of the same size; size, format and colours may differ between frames.

    Frames with transparency are composited over black. PQ and HLG frames (HDR) are tone-mapped to BT.709; BT.2020 and
    P3 are converted to BT.709.

    Args:
        matrix: The YUV matrix of frames that do not specify one; None to choose by height, as for video.
    """

    def __init__(self, matrix: int | None = None) -> None:
        from av.video.reformatter import Interpolation, VideoReformatter

        self._reformatter = VideoReformatter()
        self._matrix = matrix
        # without the last two flags, libswscale darkens by up to one level and repeats chroma samples
        self._flags = int(Interpolation.BILINEAR) | int(Interpolation.ACCURATE_RND) | int(Interpolation.FULL_CHR_H_INT)
        self._tone_maps: dict[int, ToneMap] = {}
        self._gamut_maps: dict[int, GamutMap] = {}

    def __call__(self, frame: av.VideoFrame, deep: UInt16Array | None = None) -> UInt8Array:
        """RGB of a frame: (height, width, 3) uint8. deep: the result of `deep` for this frame, if already computed."""
        if frame.color_trc in (PQ, HLG):
            if frame.color_trc not in self._tone_maps:
                self._tone_maps[frame.color_trc] = ToneMap(frame.color_trc)
            return self._tone_maps[frame.color_trc](self.deep(frame) if deep is None else deep)
        if has_alpha(frame.format):
            rgb = over_black(self._reformat(frame, "rgba").astype(np.uint8, copy=False))
        elif frame.format.name in _PLANAR_420 and self._matrix_of(frame) in _WEIGHTS:
            weights = _WEIGHTS[self._matrix_of(frame)]
            rgb = rgb_of(planes_of(frame), weights, full=_range_of(frame) == FULL)
        else:
            rgb = self._reformat(frame, "rgb24").astype(np.uint8, copy=False)
        if frame.color_primaries in WIDE_PRIMARIES:
            if frame.color_primaries not in self._gamut_maps:
                self._gamut_maps[frame.color_primaries] = GamutMap.of_primaries(frame.color_primaries)
            rgb = self._gamut_maps[frame.color_primaries](rgb)
        return rgb

    def deep(self, frame: av.VideoFrame) -> UInt16Array:
        """RGB of a frame with its own primaries and transfer: (height, width, 3) uint16."""
        # libswscale's packed 16-bit RGB wraps chroma below neutral to the maximum; planar RGB is correct
        return self._reformat(frame, "gbrp16le")

    def _matrix_of(self, frame: av.VideoFrame) -> int:
        hdr = frame.color_trc in (PQ, HLG)
        return _MATRICES.get(frame.colorspace, BT2020 if hdr else self._matrix or default_matrix(frame.height))

    def _reformat(self, frame: av.VideoFrame, pixel_format: str) -> npt.NDArray[Any]:
        matrix = self._matrix_of(frame)
        converted = self._reformatter.reformat(
            frame,
            frame.width,
            frame.height,
            format=pixel_format,
            src_colorspace=matrix,
            dst_colorspace=matrix,
            src_color_range=_range_of(frame),
            dst_color_range=FULL,
            interpolation=self._flags,
        )
        return cast(npt.NDArray[Any], converted.to_ndarray())


class YuvConverter:
    """Converts RGB frames to an encoder's pixel format.

    Chroma siting is what players and :class:`RgbConverter` expect, so colours do not shift sideways when an output is
    read and written again.

    Args:
        pixel_format: FFmpeg's name of the pixel format.
        matrix: BT709, BT601 or BT2020; None for :func:`default_matrix`.
        full: Full instead of limited range.
    """

    def __init__(self, pixel_format: str, matrix: int | None = None, *, full: bool = False) -> None:
        self._pixel_format = pixel_format
        self._range = "full" if full else "limited"
        self._matrix = matrix
        self._graph: av.filter.Graph | None = None

    def __call__(self, frame: UInt8Array | UInt16Array) -> av.VideoFrame:
        """Convert a (H, W, 3) uint8 or uint16 RGB frame."""
        import av

        if frame.dtype == np.uint8:
            # The filter copies while it converts, so that the picture may share the array's memory.
            picture = av.VideoFrame.from_numpy_buffer(np.ascontiguousarray(frame, np.uint8), format="rgb24")
        else:
            picture = av.VideoFrame.from_ndarray(frame, format="gbrp16le")
        if self._graph is None:
            self._graph = self._build(picture)
        self._graph.vpush(picture)
        return self._graph.vpull()

    def _build(self, picture: av.VideoFrame) -> av.filter.Graph:
        import av.filter

        scale = "flags=bicubic+accurate_rnd+full_chroma_inp"
        if self._pixel_format.startswith("yuv"):
            matrix = {BT709: "bt709", BT601: "smpte170m", BT2020: "bt2020"}[
                self._matrix or default_matrix(picture.height)
            ]
            scale += f":out_range={self._range}:out_chroma_loc=left:out_color_matrix={matrix}"
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format, time_base=Fraction(1, 1000)
        )
        convert = graph.add("format", f"pix_fmts={self._pixel_format}")
        graph.link_nodes(source, graph.add("scale", scale), convert, graph.add("buffersink")).configure()
        return graph


def has_alpha(pixel_format: av.VideoFormat) -> bool:
    """Whether pixels of this format have an alpha channel."""
    return pixel_format.has_palette or any(component.is_alpha for component in pixel_format.components)


def over_black(rgba: UInt8Array) -> UInt8Array:
    """Composite (H, W, 4) pixels with straight alpha over black: (H, W, 3)."""
    alpha = rgba[..., 3:]
    if alpha.min() == 255:
        return np.ascontiguousarray(rgba[..., :3])
    product = rgba[..., :3].astype(np.uint16) * alpha + 128
    return ((product + (product >> 8)) >> 8).astype(np.uint8)  # product / 255, rounded


def _range_of(frame: av.VideoFrame) -> int:
    return frame.color_range or _default_range(frame.format.name)


def _default_range(pixel_format: str) -> int:
    """The default range of a format: limited for YUV, full for everything else."""
    return LIMITED if pixel_format.startswith(("yuv", "nv", "p0", "uyvy")) and "yuvj" not in pixel_format else FULL
