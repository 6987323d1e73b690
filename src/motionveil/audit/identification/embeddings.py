"""Embeddings for re-identification. The classical ones need no weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, Protocol, cast

import cv2
import numpy as np
import numpy.typing as npt

from ..._core.errors import WeightsError
from ..._core.types import Float32Array, UInt8Array
from ...models.engine import load_network

FloatArray = npt.NDArray[np.floating[Any]]
IndexArray = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Crop:
    """A crop of a frame that shows a person. picture: (h, w, 3) uint8 RGB.

    mask: (h, w) float32 in [0, 1], the pixels to use; None for all.
    """

    picture: UInt8Array
    mask: Float32Array | None = None


class Embedding(Protocol):
    """Computes vectors of crops. name: for reports. looks_at: crops of faces or of whole persons."""

    @property
    def name(self) -> str: ...

    @property
    def looks_at(self) -> Literal["face", "person"]: ...

    def __call__(self, crops: Sequence[Crop]) -> Float32Array:
        """(N, D) float32 vectors of unit length."""
        ...


class FaceEmbedding:
    """Local binary patterns at three scales (Ahonen et al., PAMI 2006), and low frequencies of the whole face.

    The patterns describe details independently of lighting; the frequencies survive blur. Masks are not used, as the
    outline of a face would become part of it.
    """

    name = "face"
    looks_at: Literal["face", "person"] = "face"

    def __call__(self, crops: Sequence[Crop]) -> Float32Array:
        """(N, 3 * 36 * 59 + 144) float32 vectors of unit length."""
        return np.stack([_face_vector(crop.picture) for crop in crops])


def _face_vector(picture: UInt8Array) -> Float32Array:
    grey = cv2.resize(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (96, 96), interpolation=cv2.INTER_AREA)
    grey = cv2.equalizeHist(grey)
    patterns = np.concatenate([_binary_patterns(grey.astype(np.float32), radius) for radius in (1, 2, 4)])
    small = cv2.resize(grey, (48, 48), interpolation=cv2.INTER_AREA).astype(np.float32)
    frequencies = cv2.dct((small - small.mean()) / max(float(small.std()), 1.0))[:12, :12].ravel()
    return _unit(np.concatenate([_unit(patterns), 0.5 * _unit(frequencies)]))


@cache
def _uniform_codes() -> IndexArray:
    """(256,) indices of the 58 uniform patterns (at most two transitions around the circle), and 58 for the others."""
    bits = (np.arange(256)[:, None] >> np.arange(8)) & 1
    is_uniform = (bits != np.roll(bits, 1, axis=1)).sum(axis=1) <= 2
    return np.where(is_uniform, np.cumsum(is_uniform) - 1, 58)


def _binary_patterns(grey: Float32Array, radius: int, cells: int = 6) -> Float32Array:
    """Square roots of the histograms of uniform patterns in 6x6 cells."""
    grey = cast(Float32Array, cv2.GaussianBlur(grey, (0, 0), 0.5 * radius))
    centre = grey[radius:-radius, radius:-radius]
    code = np.zeros(centre.shape, np.intp)
    circle = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]
    for bit, (down, right) in enumerate(circle):
        y, x = radius + radius * down, radius + radius * right
        code |= (grey[y : y + centre.shape[0], x : x + centre.shape[1]] >= centre).astype(np.intp) << bit
    code = _uniform_codes()[code]
    rows, columns = (np.arange(n) * cells // n for n in centre.shape)
    cell = rows[:, None] * cells + columns
    counts = np.bincount((cell * 59 + code).ravel(), minlength=cells * cells * 59).reshape(cells * cells, 59)
    return cast(Float32Array, np.sqrt(counts / counts.sum(axis=1, keepdims=True)).astype(np.float32).ravel())


class AppearanceEmbedding:
    """Clothes and build: colours (Lab) and edge directions in horizontal stripes, within the mask only."""

    name = "appearance"
    looks_at: Literal["face", "person"] = "person"

    def __call__(self, crops: Sequence[Crop]) -> Float32Array:
        """(N, 8 * (24 + 9)) float32 vectors of unit length."""
        return np.stack([_appearance_vector(crop) for crop in crops])


_STRIPES, _SHADES, _DIRECTIONS = 8, 8, 9


def _appearance_vector(crop: Crop) -> Float32Array:
    size = (64, 128)
    picture = cv2.resize(crop.picture, size, interpolation=cv2.INTER_AREA)
    mask = np.ones(size[::-1], np.float32)
    if crop.mask is not None:
        mask = cast(Float32Array, cv2.resize(crop.mask, size, interpolation=cv2.INTER_AREA))
    # Edges at the outline belong to the outline, which is not protected.
    inside = cv2.erode(mask, np.ones((5, 5), np.uint8))
    lab = cv2.cvtColor(picture, cv2.COLOR_RGB2LAB).astype(np.float32)
    grey = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 1.0)
    along_x, along_y = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    direction = np.arctan2(along_y, along_x) % np.pi / np.pi
    # Skin and cloth are near the middle of a and b, where bins of equal width would not separate them.
    shades = [lab[..., 0] / 256, *((np.clip((lab[..., i] - 128) / 48, -1, 0.999) + 1) / 2 for i in (1, 2))]
    channels = [(values, _SHADES, mask) for values in shades]
    channels.append((direction.astype(np.float32), _DIRECTIONS, inside * np.hypot(along_x, along_y)))
    rows = np.repeat(np.arange(_STRIPES), size[1] // _STRIPES)[:, None]
    parts = [_stripes(values, bins, weights, rows) for values, bins, weights in channels]
    return _unit(np.concatenate(parts))


def _stripes(values: FloatArray, bins: int, weights: FloatArray, rows: IndexArray) -> Float32Array:
    """Square roots of weighted histograms, one per stripe; values in [0, 1]."""
    cell = rows * bins + np.minimum((values * bins).astype(np.intp), bins - 1)
    counts = np.bincount(cell.ravel(), weights.ravel(), minlength=_STRIPES * bins).reshape(_STRIPES, bins)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-6)
    return cast(Float32Array, np.sqrt(shares).astype(np.float32).ravel())


class ONNXEmbedding:
    """Any embedding network in an ONNX file that takes images (N, 3, h, w).

    Args:
        path: The file.
        size: (height, width) of its input.
        mean: RGB values in [0, 1] are normalised as (value - mean) / std. The defaults, for [-1, 1], suit most face
            networks.
        std: See `mean`.
        looks_at: What it was trained on.

    Raises:
        WeightsError: If the file is missing, not a network, or does not accept such images.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        size: tuple[int, int] = (112, 112),
        mean: Sequence[float] = (0.5, 0.5, 0.5),
        std: Sequence[float] = (0.5, 0.5, 0.5),
        looks_at: Literal["face", "person"] = "face",
    ) -> None:
        self.name = Path(path).stem
        self.looks_at: Literal["face", "person"] = looks_at
        self.size = size
        self._mean, self._std = np.array(mean, np.float32), np.array(std, np.float32)
        try:
            self._network = load_network(Path(path), precision="f32")
            self([Crop(np.zeros((*size, 3), np.uint8))])
        except (WeightsError, RuntimeError) as error:
            raise WeightsError(
                f"{path} is not a network that can be run on images of {size[1]}x{size[0]}; "
                "give other ONNX files as `embeddings`"
            ) from error

    def __call__(self, crops: Sequence[Crop]) -> Float32Array:
        """(N, D) float32 vectors of unit length."""
        height, width = self.size
        pictures = [cv2.resize(c.picture, (width, height), interpolation=cv2.INTER_AREA) for c in crops]
        values = (np.stack(pictures).astype(np.float32) / 255 - self._mean) / self._std
        found = self._network(np.ascontiguousarray(values.transpose(0, 3, 1, 2)))[0]
        return np.stack([_unit(vector.ravel()) for vector in found])


def _unit(vector: Float32Array) -> Float32Array:
    return cast(Float32Array, (vector / max(float(np.linalg.norm(vector)), 1e-12)).astype(np.float32))


EMBEDDINGS: Mapping[str, Callable[..., Embedding]] = {
    "face": FaceEmbedding,
    "appearance": AppearanceEmbedding,
    "onnx": ONNXEmbedding,
}
"""Embeddings by name; the last needs the path of a network."""
