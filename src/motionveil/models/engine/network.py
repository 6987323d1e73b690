"""The interface of inference engines, and the choice between them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, cast

from ..._core.errors import DependencyError, OptionError, WeightsError
from ..._core.types import Float32Array

Shapes = tuple[tuple[int, ...], ...]
Examples = Callable[[Shapes], Sequence[Any]]
"""For items of these shapes, one array per input with several items along the first axis."""


class Network(Protocol):
    """A network ready to run. One object may be called from several threads."""

    @property
    def engine(self) -> str:
        """What runs it, in words, for instance ``openvino 2026.1 CPU bf16``."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, as a torch device name: ``cpu``, ``cuda`` …"""
        ...

    @property
    def digest(self) -> str:
        """sha256, in hexadecimal, of the weights and everything that determines the network."""
        ...

    def __call__(self, *inputs: Any) -> tuple[Float32Array, ...]:
        """Run the network on arrays with a common first axis; each item along it is processed separately.

        Tensors yield tensors on the device of the first one.
        """
        ...


@dataclass(frozen=True)
class ModuleSource:
    """A network defined by a torch module.

    Attributes:
        name: For messages and file names.
        digest: Of the weights and all settings.
        module: The defining Python module, for instance ``motionveil.models.vit``.
        build: Creates the torch module for items of these shapes, one tuple per input without the first axis.
        normalised: Pairs of (normalisation, the only linear layer that reads it) in a built module, which quantisation
            may balance.
    """

    name: str
    digest: str
    module: str
    build: Callable[[Shapes], Any]
    normalised: Callable[[Any], list[tuple[Any, Any]]] = lambda module: []

    @property
    def code_digest(self) -> str:
        """sha256 of the source code that defines the network: the module's file, or all files of a package."""
        spec = find_spec(self.module)
        assert spec is not None
        assert spec.origin is not None
        origin = Path(spec.origin)
        files = sorted(origin.parent.glob("*.py")) if spec.submodule_search_locations else [origin]
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


@dataclass(frozen=True)
class ONNXSource:
    """A network in an ONNX file."""

    path: Path
    data: bytes

    @property
    def name(self) -> str:
        """The file name."""
        return self.path.name

    @property
    def digest(self) -> str:
        """sha256 of the file."""
        return hashlib.sha256(self.data).hexdigest()

    @classmethod
    def read(cls, path: Path) -> ONNXSource:
        """Read the file.

        Raises:
            WeightsError: If that fails.
        """
        if path.exists() and not path.is_file():
            raise WeightsError(f"{path} is not a file; give a network in ONNX format")
        try:
            return cls(path, path.read_bytes())
        except OSError as error:
            raise WeightsError(f"{path} cannot be read ({error.strerror}); reinstall motionveil") from error


Source = ModuleSource | ONNXSource

ENGINES = {
    "openvino": ("openvino", "OpenVINONetwork"),
    "torch": ("torch", "TorchNetwork"),
    "torch-compiled": ("torch", "CompiledTorchNetwork"),
}
"""Engines by name → (module here, class). To add one, write a module and add a line here."""

PRECISIONS = ("auto", "f32", "bf16", "f16", "int8")


def choose_engine(source: Source) -> str:
    """The engine selected by 'auto': torch if it can use a GPU, otherwise OpenVINO."""
    return "torch" if isinstance(source, ModuleSource) and has_cuda() else "openvino"


def has_cuda() -> bool:
    """Whether torch is installed and detects a GPU."""
    return find_spec("torch") is not None and bool(import_module("torch").cuda.is_available())


def describe_engine() -> str:
    """Describe, in words, what 'auto' selects here for networks defined in torch."""
    if find_spec("torch") is None:
        return "none; torch is required"
    if has_cuda():
        return f"torch on {import_module('torch').cuda.get_device_name()}; or --engine openvino, on the CPU"
    core = import_module(f"{__package__}.openvino").import_openvino().Core()
    kinds = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    floats = "bf16" if "BF16" in kinds else "f32; this CPU has no bf16"
    return f"openvino on {core.get_property('CPU', 'FULL_DEVICE_NAME')} in {floats}; DINO also with --precision int8"


def load_network(
    source: Path | Source,
    *,
    engine: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    examples: Examples | None = None,
) -> Network:
    """Load a network on an engine.

    Args:
        source: An ONNX file, or a torch module.
        engine: 'auto' or a name in `ENGINES`.
        precision: 'auto' selects bf16 where the CPU supports it, otherwise f32; 'int8' (OpenVINO, torch modules)
            requires examples for calibration.
        threads: Number of CPU threads; None for all.
        examples: Calibration data.

    Raises:
        WeightsError: If the file is missing or not a network.
        OptionError: If the engine does not support the options.
        DependencyError: If a package is missing.
    """
    if engine != "auto" and engine not in ENGINES:
        raise OptionError(f"unknown engine {engine!r}; choose from auto, {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise OptionError(f"unknown precision {precision!r}; choose from {', '.join(PRECISIONS)}")
    if isinstance(source, Path):
        source = ONNXSource.read(source)
    module, name = ENGINES[choose_engine(source) if engine == "auto" else engine]
    if module == "torch" and isinstance(source, ONNXSource):
        raise OptionError(f"{source.name} runs on openvino only; omit `engine`")
    try:
        made = getattr(import_module(f"{__package__}.{module}"), name)
    except ImportError as error:
        raise DependencyError("this needs PyTorch; install it with: pip install 'motionveil[torch]'") from error
    return cast(Network, made(source, precision=precision, threads=threads, examples=examples))
