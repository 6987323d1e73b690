"""Networks on OpenVINO: bfloat16 where the processor has it."""

from __future__ import annotations

import importlib
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import WeightsError
from ..types import Float32Array, UInt8Array

_MAX_SHAPES = 4


def _import_openvino() -> Any:
    """The library; imported late, because that takes a third of a second, and without its telemetry.

    OpenVINO reports its own import to its makers, unless it finds no telemetry package: then it has a stub that does
    nothing. So that package is made impossible to import, here and for the rest of the process.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


class OpenVINONetwork:
    """An ONNX network on the CPU.

    OpenVINO runs fixed shapes faster than free ones, so the network is compiled once for each input shape that occurs;
    the few latest shapes are kept.
    """

    def __init__(
        self, data: bytes, *, digest: str, path: Path, threads: int | None = None, precision: str | None = None
    ) -> None:
        openvino = _import_openvino()
        self.digest = digest
        self._data = data
        self._threads = threads
        self._lock = threading.Lock()
        self._core: Any = openvino.Core()
        self._requests: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        capabilities = self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self.precision = precision or ("bf16" if "BF16" in capabilities else "f32")
        self.engine = f"openvino {openvino.get_version().split('-')[0]} CPU {self.precision}"
        try:
            self._core.read_model(data, b"")
        except RuntimeError as error:
            raise WeightsError(f"{path} is not a network that OpenVINO can read; reinstall motionveil") from error

    def _compiled(self, shape: tuple[int, ...]) -> Any:
        with self._lock:
            if shape in self._requests:
                self._requests.move_to_end(shape)
                return self._requests[shape]
            model = self._core.read_model(self._data, b"")
            model.reshape(list(shape))
            hints: dict[str, Any] = {"INFERENCE_PRECISION_HINT": self.precision, "PERFORMANCE_HINT": "LATENCY"}
            if self._threads is not None:
                hints["INFERENCE_NUM_THREADS"] = self._threads
            compiled = self._core.compile_model(model, "CPU", hints)
            self._requests[shape] = compiled
            if len(self._requests) > _MAX_SHAPES:
                self._requests.popitem(last=False)
            return compiled

    def __call__(self, images: UInt8Array) -> Float32Array:
        """(T, H, W, 3) uint8 to (T, h, w, D) float32, one frame at a time."""
        compiled = self._compiled((1, *images.shape[1:]))
        # A request of its own for every call: requests are not shared between threads.
        request = compiled.create_infer_request()
        outputs = []
        for image in images:
            request.infer([image[None]])
            outputs.append(np.array(request.get_output_tensor(0).data, np.float32))
        return np.concatenate(outputs)
