"""General descriptors of anything: self-supervised vision transformers (DINO), as Ilic et al. use them."""

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
    """What a name stands for: patches (pixels), channels, how pixels are normalised, a stride that suits."""

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
"""The backbones of the published code, and DINOv2; a new one is one line here and one in `weights.WEIGHTS`."""

_WIDEST = 4
"""Up to this ratio of their sides frames are seen at the short side as set."""
Placement = Literal["frame", "patches"]


class ViTEncoder:
    """Descriptors of one facet of one layer of a vision transformer.

    backbone: a name from `BACKBONES`. weights: a checkpoint file; default where `weights.find_weights` finds it.
    layer: 0-based, default the last. facet: key, query, value or token. stride: of the patches; default see
    `BACKBONES`, a divisor of the patch. short_side: pixels at which the network sees frames, by Lanczos resampling.
    bins: log-binned descriptors, 17 times as long. placement: 'frame' spreads the cells over the whole frame, as the
    published code does; 'patches' puts each cell where the centre of its patch is, up to half a patch away from that
    near the border. engine, precision, threads: see `engine.load_network`. examples: frames (T, H, W, 3) that
    precision='int8' is measured on. The defaults are those of Ilic et al. (CVPR 2024).
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
            raise OptionError(f"no backbone {backbone!r}; choose from {', '.join(BACKBONES)}")
        require_torch()
        vit = import_module("motionveil.models.vit")
        path = find_weights(backbone, weights)
        self.backbone = backbone
        settings = BACKBONES[backbone]
        state = vit.standard_names(read_checkpoint(path))
        try:
            shape = vit.ViTShape.of(state)
        except WeightsError as error:
            raise WeightsError(f"{path} does not hold the weights of a vision transformer; give others") from error
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
                f"a short side of {short_side} pixels is less than one patch of {self.patch}; choose more"
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
        """Where the network runs, by torch's name; descriptors come back to where the frames are."""
        return self.network.device

    def input_size(self, height: int, width: int) -> tuple[int, int]:
        """(height, width) at which the network sees a frame: the short side as set, the other rounded down.

        A frame many times as wide as high is seen smaller, because it would ask for more than its pixels are worth.
        """
        short, long = sorted((height, width))
        if long > _WIDEST * short:
            longer = _WIDEST * self.short_side
            size = max(self.patch, int(longer * short / long)), longer
        else:
            size = self.short_side, int(self.short_side * long / short)
        return size if height <= width else (size[1], size[0])

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Descriptors (T, h, w, D) of (T, H, W, 3) uint8 RGB frames."""
        height, width = frames.shape[1:3]
        size = self.input_size(height, width)
        (descriptors,) = self.network(_resized(frames, size))
        return DescriptorGrid(descriptors, *self._place((height, width), size, descriptors))

    def _place(self, frame: tuple[int, int], seen: tuple[int, int], descriptors: Float32Array) -> tuple[Point, Point]:
        """Stride and offset of the cells in pixels of the frame."""
        if self.placement == "frame":
            stride = Point(frame[1] / descriptors.shape[2], frame[0] / descriptors.shape[1])
            return stride, Point((stride.x - 1) / 2, (stride.y - 1) / 2)
        scale = Point(frame[1] / seen[1], frame[0] / seen[0])
        offset = Point(*(s * self.patch / 2 - 0.5 for s in scale))
        return Point(scale.x * self.stride, scale.y * self.stride), offset


def _check_name(backbone: str, path: Path, shape: tuple[int, int]) -> None:
    """Raise WeightsError where a file holds what goes by another name. Sizes that nobody else has are one's own."""
    fitting = [name for name, known in BACKBONES.items() if (known.patch, known.channels) == shape]
    if fitting and backbone not in fitting:
        raise WeightsError(
            f"{path} holds a network with patches of {shape[0]} pixels and {shape[1]} channels, not {backbone}; "
            f"choose --features {' or '.join(fitting)}"
        )


def _resized(frames: UInt8Array, size: tuple[int, ...]) -> UInt8Array:
    """Frames (T, H, W, 3) at this (height, width)."""
    return ops.stack([ops.resize_lanczos(frame, (size[0], size[1])) for frame in frames])
