"""Descriptors of self-supervised vision transformers (DINO), as used by Ilic et al."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from ... import ops
from ..._core.errors import OptionError, WeightsError
from ..._core.types import Float32Array, Point, UInt8Array
from ...models.engine import ModuleSource, Network, load_network, read_checkpoint, require_torch
from ...models.weights import find_weights, weights_sha256
from .extractor import DescriptorGrid

_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
_HALF = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


@dataclass(frozen=True)
class Backbone:
    """A row of the backbone table: patch size in pixels, channels, normalisation, default stride."""

    patch: int
    channels: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stride: int


BACKBONES = {
    "dino_vits8": Backbone(8, 384, *_IMAGENET, stride=4),
    "dino_vits16": Backbone(16, 384, *_IMAGENET, stride=8),
    "dino_vitb8": Backbone(8, 768, *_IMAGENET, stride=4),
    "dino_vitb16": Backbone(16, 768, *_IMAGENET, stride=8),
    "dinov2_vits14": Backbone(14, 384, *_IMAGENET, stride=7),
    "dinov2_vitb14": Backbone(14, 768, *_IMAGENET, stride=7),
    "vit_small_patch8_224": Backbone(8, 384, *_HALF, stride=4),
    "vit_small_patch16_224": Backbone(16, 384, *_HALF, stride=8),
    "vit_base_patch8_224": Backbone(8, 768, *_HALF, stride=4),
    "vit_base_patch16_224": Backbone(16, 768, *_HALF, stride=8),
}
"""The backbones of the published code, and DINOv2. To add one, add a line here and one in `weights.WEIGHTS`."""

_WIDEST = 4
"""Maximum aspect ratio at which frames keep the configured short side."""
Placement = Literal["frame", "patches"]


class ViTEncoder:
    """Descriptors from one facet of one layer of a vision transformer.

    The defaults are those of Ilic et al. (CVPR 2024).

    Args:
        backbone: A name in `BACKBONES`.
        weights: A checkpoint file; None to locate it with `find_weights`.
        layer: 0-based; None for the last.
        facet: ``key``, ``query``, ``value`` or ``token``.
        stride: Stride of the patches, a divisor of the patch size; None for that of the backbone.
        short_side: Short side in pixels to which frames are resized (Lanczos).
        bins: Log-binned descriptors, which are 17 times as long (Amir et al., 2021).
        placement: ``frame`` spreads the cells over the whole frame, as in the published code; ``patches`` puts each
            cell at the centre of its patch. They differ by up to half a patch near the border.
        engine: See `engine.load_network`.
        precision: See `engine.load_network`.
        threads: See `engine.load_network`.
        examples: Frames (T, H, W, 3) to calibrate precision='int8' on.

    Raises:
        OptionError: For an unknown backbone or invalid settings.
        WeightsError: If the weights are missing, damaged, or belong to another network.
    """

    def __init__(
        self,
        backbone: str = "dino_vits8",
        *,
        weights: str | Path | None = None,
        layer: int | None = None,
        facet: str = "key",
        stride: int | None = None,
        short_side: int = 224,
        bins: bool = False,
        placement: Placement = "frame",
        engine: str = "auto",
        precision: str = "auto",
        threads: int | None = None,
        examples: UInt8Array | None = None,
    ) -> None:
        if backbone not in BACKBONES:
            raise OptionError(f"unknown backbone {backbone!r}; choose from {', '.join(BACKBONES)}")
        require_torch()
        vit = import_module("motionveil.models.vit")
        path = find_weights(backbone, weights)
        self.backbone = backbone
        settings = BACKBONES[backbone]
        state = vit.standard_names(read_checkpoint(path))
        try:
            shape = vit.ViTShape.of(state)
        except WeightsError as error:
            raise WeightsError(f"{path} is not a vision transformer checkpoint; give a DINO or ViT one") from error
        _check_name(backbone, path, (shape.patch, shape.channels))
        self.patch: int = shape.patch
        self.layer = shape.depth - 1 if layer is None else layer
        self.facet = facet
        self.stride = settings.stride if stride is None else stride
        self.short_side = short_side
        self.bins = bins
        self.placement: Placement = placement
        vit.check_settings(shape, layer=self.layer, facet=facet, stride=self.stride)
        if short_side < self.patch:
            raise OptionError(
                f"a short side of {short_side} pixels is smaller than one patch ({self.patch}); choose a larger one"
            )

        def build(shapes: tuple[tuple[int, ...], ...]) -> Any:
            height, width = shapes[0][:2]
            return vit.DescriptorTransformer(
                state, size=(height, width), layer=self.layer, facet=facet, stride=self.stride, bins=bins,
                mean=settings.mean, std=settings.std,
            )  # fmt: skip

        self.channels: int = shape.channels * (vit.BINS if bins else 1)
        digest = weights_sha256(path)
        details = f"{self.layer}:{facet}:{self.stride}:{int(bins)}"
        source = ModuleSource(
            name=backbone, digest=f"{digest}:{details}:{settings.mean}:{settings.std}",
            module="motionveil.models.vit", build=build, normalised=lambda module: module.normalised(),
        )  # fmt: skip
        self.network: Network = load_network(
            source, engine=engine, precision=precision, threads=threads,
            examples=None if examples is None else lambda shapes: [_resized(examples, shapes[0][:2])],
        )  # fmt: skip
        self.fingerprint = f"{backbone}:{digest[:16]}:{details}:{short_side}"

    def __repr__(self) -> str:
        return (
            f"ViTEncoder({self.backbone!r}, layer={self.layer}, facet={self.facet!r}, stride={self.stride}, "
            f"short_side={self.short_side}, bins={self.bins}, placement={self.placement!r}, "
            f"engine={self.network.engine!r})"
        )

    @property
    def device(self) -> str:
        """Where the network runs, as a torch device name; descriptors are returned on the frames' device."""
        return self.network.device

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) of the network's input: the configured short side, the other rounded down.

        Frames with an extreme aspect ratio are made smaller to bound the cost.
        """
        short, long = sorted((height, width))
        if long > _WIDEST * short:
            longer = _WIDEST * self.short_side
            size = max(self.patch, int(longer * short / long)), longer
        else:
            size = self.short_side, int(self.short_side * long / short)
        return size if height <= width else (size[1], size[0])

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Compute descriptors (T, h, w, D) of (T, H, W, 3) uint8 RGB frames."""
        height, width = frames.shape[1:3]
        size = self.input_size(height, width)
        (descriptors,) = self.network(_resized(frames, size))
        return DescriptorGrid(descriptors, *self._place((height, width), size, descriptors))

    def _place(self, frame: tuple[int, int], seen: tuple[int, int], descriptors: Float32Array) -> tuple[Point, Point]:
        """Stride and offset of the cells, in pixels of the frame."""
        if self.placement == "frame":
            stride = Point(frame[1] / descriptors.shape[2], frame[0] / descriptors.shape[1])
            return stride, Point((stride.x - 1) / 2, (stride.y - 1) / 2)
        scale = Point(frame[1] / seen[1], frame[0] / seen[0])
        offset = Point(*(s * self.patch / 2 - 0.5 for s in scale))
        return Point(scale.x * self.stride, scale.y * self.stride), offset


def _check_name(backbone: str, path: Path, shape: tuple[int, int]) -> None:
    """Raise WeightsError if the file holds another known backbone. Unknown sizes are accepted as custom networks."""
    fitting = [name for name, known in BACKBONES.items() if (known.patch, known.channels) == shape]
    if fitting and backbone not in fitting:
        raise WeightsError(
            f"{path} holds a network with patches of {shape[0]} pixels and {shape[1]} channels, not {backbone}; "
            f"choose `features` {' or '.join(fitting)}"
        )


def _resized(frames: UInt8Array, size: tuple[int, ...]) -> UInt8Array:
    """Resize frames (T, H, W, 3) to this (height, width)."""
    return ops.stack([ops.resize_lanczos(frame, (size[0], size[1])) for frame in frames])
