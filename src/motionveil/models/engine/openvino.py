"""Inference with OpenVINO: bfloat16 where the CPU supports it, int8 on request."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from ... import ops
from ..._core.cores import thread_limit
from ..._core.errors import OptionError, WeightsError
from ..._core.types import Float32Array
from .cache import entry, is_intact, keep
from .convert import Inputs, converted
from .network import Examples, ModuleSource, Source

_MAX_SHAPES = 4
_COMPILED = "model.blob"


def import_openvino() -> Any:
    """Import the library late, because that takes a third of a second, and without its telemetry.

    OpenVINO reports its own import to its vendor unless the telemetry package is missing, in which case it uses a stub.
    That package is therefore blocked from being imported in this process.
    """
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    return importlib.import_module("openvino")


class OpenVINONetwork:
    """A network on the CPU.

    OpenVINO runs static shapes faster than dynamic ones, so the network is compiled for each input shape, and the most
    recent ones are cached. Items are processed one at a time, which is as fast on a CPU and takes less memory.
    """

    device = "cpu"

    def __init__(
        self,
        source: Source,
        *,
        precision: str = "auto",
        threads: int | None = None,
        examples: Examples | None = None,
    ) -> None:
        openvino = import_openvino()
        self._source = source
        self._examples = examples
        self._threads = threads
        self._lock = threading.Lock()
        self._core: Any = openvino.Core()
        self._compiled: OrderedDict[tuple[Any, ...], tuple[Any, list[Any]]] = OrderedDict()
        has_bf16 = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._floats = "bf16" if precision in ("auto", "int8") and has_bf16 else precision
        if precision in ("auto", "int8") and not has_bf16:
            self._floats = "f32"
        if self._floats == "f16":
            raise OptionError("f16 requires a GPU; on a CPU choose auto, bf16, f32 or int8")
        if precision == "int8" and (examples is None or not isinstance(source, ModuleSource)):
            raise OptionError(f"int8 needs example frames for {source.name}; pass some, or choose auto")
        self.digest = source.digest
        self.precision = "int8" if precision == "int8" else self._floats
        self.engine = f"openvino {openvino.get_version().split('-')[0]} CPU {self.precision}"
        if not isinstance(source, ModuleSource):
            self._read_file()

    def _read_file(self) -> Any:
        assert not isinstance(self._source, ModuleSource)
        try:
            return self._core.read_model(self._source.data, b"")
        except RuntimeError as error:
            raise WeightsError(
                f"{self._source.path} is not a network that OpenVINO can read; reinstall motionveil"
            ) from error

    def _compile(self, key: Inputs) -> tuple[Any, list[Any]]:
        """The network compiled for these shapes and types, and its idle inference requests."""
        with self._lock:
            if key in self._compiled:
                self._compiled.move_to_end(key)
                return self._compiled[key]
            hints: dict[str, Any] = {"INFERENCE_PRECISION_HINT": self._floats, "PERFORMANCE_HINT": "LATENCY"}
            if (threads := self._threads or thread_limit()) is not None:
                hints["INFERENCE_NUM_THREADS"] = min(threads, thread_limit() or threads)
            self._compiled[key] = (self._compiled_for(key, hints), [])
            if len(self._compiled) > _MAX_SHAPES:
                self._compiled.popitem(last=False)
            return self._compiled[key]

    def _compiled_for(self, key: Inputs, hints: dict[str, Any]) -> Any:
        if isinstance(self._source, ModuleSource):
            examples = self._examples if self.precision == "int8" else None
            return self._core.compile_model(converted(self._source, key, self._core, examples), "CPU", hints)
        # Compiling takes most of a second, which short clips and images would notice.
        device = [self._core.get_property("CPU", name) for name in ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")]
        version = import_openvino().get_version()
        folder = entry(f"{self._source.path.stem}-compiled", self.digest, key, hints, device, version)
        with contextlib.suppress(OSError, RuntimeError):
            if is_intact(folder):
                return self._core.import_model((folder / _COMPILED).read_bytes(), "CPU", hints)
        model = self._read_file()
        model.reshape([1, *key[0][0]])
        compiled = self._core.compile_model(model, "CPU", hints)
        with contextlib.suppress(OSError, RuntimeError):
            keep(folder, lambda working: (working / _COMPILED).write_bytes(compiled.export_model().getvalue()))
        return compiled

    def __call__(self, *inputs: Any) -> tuple[Float32Array, ...]:
        """Run on arrays or tensors (T, ...), one item at a time; returns the same kind, float32."""
        arrays = [np.ascontiguousarray(ops.to_host(array)) for array in inputs]
        compiled, idle = self._compile(tuple((array.shape[1:], str(array.dtype)) for array in arrays))
        # Requests are not shared between threads: a call takes an idle one or creates another.
        try:
            request = idle.pop()
        except IndexError:
            request = compiled.create_infer_request()
        outputs: list[list[Float32Array]] = [[] for _ in compiled.outputs]
        for index in range(len(arrays[0])):
            request.infer([array[index : index + 1] for array in arrays], share_inputs=True)
            for number, found in enumerate(outputs):
                found.append(np.array(request.get_output_tensor(number).data, np.float32))
        idle.append(request)
        device = ops.device_of(inputs[0])
        return tuple(ops.to_device(found[0] if len(found) == 1 else np.concatenate(found), device) for found in outputs)
