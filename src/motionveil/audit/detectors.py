"""Detectors: networks that find faces and people, run on outputs."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np

from .. import ops
from .._core.errors import WeightsError
from .._core.types import Float32Array, UInt8Array
from ..models.engine import load_network
from ..models.weights import find_weights

Box = tuple[float, float, float, float]
"""x, y of the upper left corner, width and height, in pixels of the frame."""


@dataclass(frozen=True)
class Detection:
    """A detected object. score: in [0, 1]. kind: ``face``, ``person`` or another word."""

    box: Box
    score: float
    kind: str


class Detector(Protocol):
    """Detects objects in frames. Must be safe to use for several videos at once."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of objects that it may find."""
        ...

    def __call__(self, frames: UInt8Array) -> list[list[Detection]]:
        """The detections in each frame of (T, H, W, 3) uint8 RGB."""
        ...


class YuNet(Detector):
    """Face detection with YuNet (Wu, Peng, Yu, Machine Intelligence Research 2023), run by OpenCV.

    Args:
        weights: An ONNX file of YuNet with the outputs that OpenCV expects; None to locate ``yunet`` with
            `find_weights`.
        threshold: Minimum score.
        short_side: Maximum short side in pixels; larger frames are downsampled.

    Raises:
        WeightsError: If the file is missing or not YuNet.
    """

    kinds = ("face",)

    def __init__(self, weights: str | Path | None = None, *, threshold: float = 0.7, short_side: int = 368) -> None:
        self.path = find_weights("yunet", weights)
        self.threshold, self.short_side = threshold, short_side
        self._lock = threading.Lock()
        level = cv2.utils.logging.getLogLevel()
        # OpenCV would print messages about its engines to the terminal.
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            self._network = cv2.FaceDetectorYN.create(str(self.path), "", (64, 64), threshold, 0.3, 500)
            self._network.detect(np.zeros((64, 64, 3), np.uint8))
        except cv2.error as error:
            raise WeightsError(f"{self.path} is not YuNet; give a YuNet file such as yunet_n_640_640.onnx") from error
        finally:
            cv2.utils.logging.setLogLevel(level)

    def __repr__(self) -> str:
        return f"YuNet({self.path.name!r}, threshold={self.threshold:g}, short_side={self.short_side})"

    def __call__(self, frames: UInt8Array) -> list[list[Detection]]:
        """The faces in each frame."""
        return [self._faces(frame) for frame in frames]

    def _faces(self, frame: UInt8Array) -> list[Detection]:
        height, width = frame.shape[:2]
        scale = min(1.0, self.short_side / min(height, width))
        size = (max(1, round(height * scale)), max(1, round(width * scale)))
        picture = np.ascontiguousarray(ops.resize_image(frame, size)[..., ::-1])
        with self._lock:  # the network stores the size of the last frame
            self._network.setInputSize((size[1], size[0]))
            rows: Any = self._network.detect(picture)[1]
        x, y = width / size[1], height / size[0]
        return [
            Detection((float(r[0]) * x, float(r[1]) * y, float(r[2]) * x, float(r[3]) * y), float(r[14]), "face")
            for r in (() if rows is None else rows)
        ]


class ONNXDetector(Detector):
    """Any detector in an ONNX file with the following interface.

    Input: one, (1, 3, h, w) float32 RGB in [0, 1]; frames are resized to fit into `size` (h, w) and padded with grey at
    the right and bottom. First output: rows (N, 5 or 6) or (1, N, 5 or 6) of x1, y1, x2, y2, score and optionally
    class, in pixels of the input; or as in YOLOv8, (1, 4 + C, N) of centre x, y, width, height and scores of C classes,
    to which non-maximum suppression is applied.

    Args:
        weights: The file.
        kind: What it detects.
        size: (height, width) of its input.
        classes: Numbers of the classes to use; None for all.
        threshold: Minimum score.

    Raises:
        WeightsError: If the file is not a network with this interface.
    """

    def __init__(
        self,
        weights: str | Path,
        *,
        kind: str = "face",
        size: tuple[int, int] = (640, 640),
        classes: Sequence[int] | None = None,
        threshold: float = 0.5,
    ) -> None:
        self.path = Path(weights)
        if not self.path.is_file():
            raise WeightsError(f"the detector {self.path} does not exist; check the path")
        self.kind, self.size, self.threshold = kind, size, threshold
        self.classes = None if classes is None else frozenset(classes)
        # Box coordinates need more digits than bf16 has.
        try:
            self._network = load_network(self.path, precision="f32")
        except WeightsError as error:
            raise WeightsError(
                f"{self.path} is not a network that can be run; give other ONNX files as `detectors`"
            ) from error
        self._boxes(np.zeros((64, 64, 3), np.uint8))

    def __repr__(self) -> str:
        return f"ONNXDetector({self.path.name!r}, kind={self.kind!r}, size={self.size}, threshold={self.threshold:g})"

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kind given."""
        return (self.kind,)

    def __call__(self, frames: UInt8Array) -> list[list[Detection]]:
        """The detections in each frame."""
        return [self._boxes(frame) for frame in frames]

    def _boxes(self, frame: UInt8Array) -> list[Detection]:
        height, width = frame.shape[:2]
        scale = min(self.size[0] / height, self.size[1] / width)
        fitted = ops.resize_image(frame, (max(1, round(height * scale)), max(1, round(width * scale))))
        picture = np.full((*self.size, 3), 114, np.uint8)
        picture[: fitted.shape[0], : fitted.shape[1]] = fitted
        planes = np.ascontiguousarray(ops.as_float32(picture).transpose(2, 0, 1)[None] / np.float32(255))
        try:
            output = self._network(planes)[0]
        except RuntimeError as error:
            raise WeightsError(
                f"{self.path} does not accept images of {self.size[1]}x{self.size[0]}; "
                "give a detector with one input (1, 3, height, width), and its size"
            ) from error
        found = read_boxes(output, self.threshold)
        if found is None:
            raise WeightsError(
                f"{self.path} has an output of shape {output.shape}; boxes must be rows of x1, y1, x2, y2, score and "
                "optionally class, or (1, 4 + classes, N) as in YOLOv8"
            )
        x, y = width / fitted.shape[1], height / fitted.shape[0]
        return [
            Detection((box[0] * x, box[1] * y, box[2] * x, box[3] * y), score, self.kind)
            for box, score, number in found
            if self.classes is None or number in self.classes
        ]


def read_boxes(output: Float32Array, threshold: float) -> list[tuple[Box, float, int]] | None:
    """Boxes (x, y, width, height), scores and classes in the output of a network, see `ONNXDetector`.

    None if the output has no known shape.
    """
    rows = output[0] if output.ndim == 3 and len(output) == 1 else output
    if rows.ndim != 2:
        return None
    if rows.shape[1] in (5, 6):
        return [
            ((float(r[0]), float(r[1]), float(r[2] - r[0]), float(r[3] - r[1])), float(r[4]), int(r[5:].sum()))
            for r in rows
            if r[4] >= threshold
        ]
    if output.ndim != 3 or rows.shape[0] < 5:
        return None
    classes = rows[4:].argmax(0)
    scores = rows[4:].max(0)
    boxes = np.stack([rows[0] - rows[2] / 2, rows[1] - rows[3] / 2, rows[2], rows[3]], 1)
    kept: Any = cv2.dnn.NMSBoxes(boxes.tolist(), scores.tolist(), threshold, 0.5)
    return [
        ((*(float(v) for v in boxes[i]),), float(scores[i]), int(classes[i]))  # type: ignore[misc]
        for i in np.asarray(kept, int).ravel()
    ]
