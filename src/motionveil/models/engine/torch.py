"""Inference with PyTorch, on a GPU if there is one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

import torch

from ... import ops
from ..._core.errors import OptionError
from ..._core.types import Float32Array
from .network import Examples, ModuleSource, Shapes

_MAX_SHAPES = 4
_TYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}


class TorchNetwork:
    """A torch module. All items of a call run as one batch, with fused attention.

    device: None selects the GPU if there is one.
    """

    compiled = False

    def __init__(
        self,
        source: ModuleSource,
        *,
        precision: str = "auto",
        threads: int | None = None,
        examples: Examples | None = None,
        device: str | None = None,
    ) -> None:
        self.device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        on_gpu = self.device.startswith("cuda")
        if precision == "int8":
            raise OptionError("int8 requires the engine openvino; choose that engine or another precision")
        if precision == "auto":
            best = "bf16" if on_gpu and torch.cuda.is_bf16_supported() else "f16"
            precision = best if on_gpu else "f32"
        self._source = source
        self._lock = threading.Lock()
        self._modules: OrderedDict[Shapes, Any] = OrderedDict()
        self.digest = source.digest
        self.precision = precision
        where = torch.cuda.get_device_name(self.device) if on_gpu else "CPU"
        self.engine = f"torch {torch.__version__.split('+')[0]} {where} {precision}" + " compiled" * self.compiled

    def _module(self, shapes: Shapes) -> Any:
        with self._lock:
            if shapes not in self._modules:
                module = self._source.build(shapes).to(self.device)
                self._modules[shapes] = torch.compile(module) if self.compiled else module
                if len(self._modules) > _MAX_SHAPES:
                    self._modules.popitem(last=False)
            self._modules.move_to_end(shapes)
            return self._modules[shapes]

    def __call__(self, *inputs: Any) -> tuple[Float32Array, ...]:
        """Run on arrays or tensors (T, ...); returns the same kind, float32."""
        module = self._module(tuple(tuple(array.shape[1:]) for array in inputs))
        tensors = [ops.to_device(array, self.device) for array in inputs]
        lower = self.precision != "f32"
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(self.device).type, _TYPES[self.precision] if lower else None, enabled=lower),
        ):
            found = module(*tensors)
        device = ops.device_of(inputs[0])
        return tuple(
            ops.to_device(value.float(), device) for value in (found if isinstance(found, tuple) else (found,))
        )


class CompiledTorchNetwork(TorchNetwork):
    """The same with torch.compile: slow to start, faster on long videos."""

    compiled = True
