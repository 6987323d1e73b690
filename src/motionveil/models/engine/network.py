"""One protocol for every engine, and the choice between them."""

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
"""For items of these shapes, one array per input with some items along its first axis."""


class Network(Protocol):
    """A network ready to run; one object may be called from several threads."""

    @property
    def engine(self) -> str:
        """What runs it, in words, for instance ``openvino 2026.1 CPU bf16``."""
        ...

    @property
    def device(self) -> str:
        """Where it runs, by torch's name: ``cpu``, ``cuda`` …"""
        ...

    @property
    def digest(self) -> str:
        """sha256 in hexadecimal of the weights and of all that shapes the network."""
        ...

    def __call__(self, *inputs: Any) -> tuple[Float32Array, ...]:
        """Arrays with a common first axis to arrays with the same; every item along it is worked on by itself.

        Tensors give tensors that lie where the first one does.
        """
        ...


@dataclass(frozen=True)
class ModuleSource:
    """A network that is defined here in torch.

    name: for people and file names. digest: of the weights and all settings. module: where it is defined, for instance
    ``motionveil.models.vit``. build: makes the torch module for items of these shapes, one tuple per input, without the
    first axis. normalised: pairs of (normalisation, linear layer that alone reads it) in a built module, which
    quantisation may balance against each other.
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
        """The file's name."""
        return self.path.name

    @property
    def digest(self) -> str:
        """sha256 of the file."""
        return hashlib.sha256(self.data).hexdigest()

    @classmethod
    def read(cls, path: Path) -> ONNXSource:
        """Read the file. Raises WeightsError where that is not possible."""
        if path.exists() and not path.is_file():
            raise WeightsError(f"{path} is no file; give a network in the ONNX format")
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
"""Engines by name → (module here, class); a new one is one file and one line here."""

PRECISIONS = ("auto", "f32", "bf16", "f16", "int8")


def choose_engine(source: Source) -> str:
    """The engine that 'auto' means: torch where there is a GPU that it can use, otherwise OpenVINO."""
    return "torch" if isinstance(source, ModuleSource) and has_cuda() else "openvino"


def has_cuda() -> bool:
    """Whether torch is installed and sees a GPU."""
    return find_spec("torch") is not None and bool(import_module("torch").cuda.is_available())


def describe_engine() -> str:
    """In words, what 'auto' means here for networks that are defined in torch."""
    if find_spec("torch") is None:
        return "nothing yet; they need torch"
    if has_cuda():
        return f"torch on {import_module('torch').cuda.get_device_name()}; or --engine openvino, on the processor"
    core = import_module(f"{__package__}.openvino").import_openvino().Core()
    kinds = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    floats = "bf16" if "BF16" in kinds else "f32; this processor has no bf16"
    return f"openvino on {core.get_property('CPU', 'FULL_DEVICE_NAME')} in {floats}; DINO also with --precision int8"


def load_network(
    source: Path | Source,
    *,
    engine: str = "auto",
    precision: str = "auto",
    threads: int | None = None,
    examples: Examples | None = None,
) -> Network:
    """A network on an engine.

    source: an ONNX file, or a torch module. engine: 'auto' or a name from `ENGINES`. precision: 'auto' takes bf16 where
    the processor has it, otherwise f32; 'int8' (OpenVINO, torch modules) needs examples to measure what values occur.
    threads: of the processor, None takes all.

    Raises WeightsError where the file is missing or not a network, OptionError for what the engine cannot do,
    DependencyError where a package is missing.
    """
    if engine != "auto" and engine not in ENGINES:
        raise OptionError(f"no engine {engine!r}; choose from auto, {', '.join(ENGINES)}")
    if precision not in PRECISIONS:
        raise OptionError(f"no precision {precision!r}; choose from {', '.join(PRECISIONS)}")
    if isinstance(source, Path):
        source = ONNXSource.read(source)
    module, name = ENGINES[choose_engine(source) if engine == "auto" else engine]
    if module == "torch" and isinstance(source, ONNXSource):
        raise OptionError(f"{source.name} runs on openvino only; leave the engine out")
    try:
        made = getattr(import_module(f"{__package__}.{module}"), name)
    except ImportError as error:
        raise DependencyError("this needs PyTorch; install it with: pip install 'motionveil[torch]'") from error
    return cast(Network, made(source, precision=precision, threads=threads, examples=examples))
