"""Write the trained encoder and its templates: ``python -m recipes.encoder.export --checkpoint FILE --data DIR``.

The graph is written node by node: batch norm is folded into the convolutions, and pixels come in as they are,
(1, H, W, 3) uint8, so that whoever runs the file has nothing to normalise. The second output is the greatest cosine of
every descriptor to any of the templates.

Convolutions work on 8-bit integers: weights in steps of each channel's own, what enters a layer in 256 steps between
the values that occur (`ranges`). The stem, the first blocks and their lateral connection stay floating-point, stored in
16 bits: their values spread too widely for 256 steps, and what is lost there, all later layers lack.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from motionveil.detection.templates import Template, TemplateLibrary

from .data import ATTRIBUTES
from .network import LEVELS, Encoder, Prototypes
from .ranges import Range, examples, observe

EXACT = 3
"""Blocks that work on floating-point numbers."""
ASSETS = Path(__file__).resolve().parents[2] / "src" / "motionveil" / "assets"


class GraphWriter:
    """Collects ONNX nodes; every method returns the name of its output."""

    def __init__(self, ranges: Mapping[Any, Range]) -> None:
        self.ranges = ranges
        self.rounded: dict[tuple[str, Range], str] = {}
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []
        self.count = 0

    def node(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        self.count += 1
        name = f"{operator.lower()}_{self.count}"
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, values: np.ndarray, *, half: bool = False) -> str:
        self.count += 1
        name = f"constant_{self.count}"
        self.constants.append(numpy_helper.from_array(values.astype(np.float16) if half else values, name))
        return self.node("Cast", [name], to=TensorProto.FLOAT) if half else name

    def convolution(self, x: str, convolution: Any, norm: Any = None) -> str:
        weight, bias = convolution.weight.detach().double(), convolution.bias
        shift = torch.zeros(len(weight), dtype=torch.float64) if bias is None else bias.detach().double()
        if norm is not None:
            gain = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
            weight = weight * gain[:, None, None, None]
            shift = (shift - norm.running_mean.double()) * gain + norm.bias.detach().double()
        if convolution in self.ranges:
            x, kernel = self.in_steps(x, self.ranges[convolution]), self.weight_in_steps(weight)
        else:
            kernel = self.constant(weight.float().numpy(), half=True)
        inputs = [x, kernel, self.constant(shift.float().numpy())]
        before, after = getattr(convolution, "before_and_after", (convolution.padding[0],) * 2)
        return self.node(
            "Conv", inputs, kernel_shape=list(convolution.kernel_size), strides=list(convolution.stride),
            pads=[before, before, after, after], group=convolution.groups,
        )  # fmt: skip

    def in_steps(self, x: str, limits: Range) -> str:
        """The values in 256 steps between two limits."""
        if (x, limits) not in self.rounded:
            step = max((limits[1] - limits[0]) / 255, 1e-8)
            zero = np.array(round(-limits[0] / step), np.uint8)
            scale = [self.constant(np.array(step, np.float32)), self.constant(zero)]
            self.rounded[x, limits] = self.node("DequantizeLinear", [self.node("QuantizeLinear", [x, *scale]), *scale])
        return self.rounded[x, limits]

    def weight_in_steps(self, weight: Tensor) -> str:
        """Weights as 8-bit integers, in steps of each output channel's own."""
        steps = (weight.abs().amax(dim=(1, 2, 3)) / 127).clamp_min(1e-8)
        integers = torch.round(weight / steps[:, None, None, None]).clamp(-127, 127).to(torch.int8)
        scale = [self.constant(steps.float().numpy()), self.constant(np.zeros(len(steps), np.int8))]
        return self.node("DequantizeLinear", [self.constant(integers.numpy()), *scale], axis=0)

    def relu6(self, x: str) -> str:
        limits = [self.constant(np.array(limit, np.float32)) for limit in (0, 6)]
        return self.node("Clip", [x, *limits])

    def block(self, x: str, layers: Any) -> str:
        return self.node("Relu", [self.convolution(x, layers[0], layers[1])])

    def residual(self, x: str, block: Any) -> str:
        inner = x if block.expand is None else self.relu6(self.convolution(x, block.expand))
        inner = self.convolution(self.relu6(self.convolution(inner, block.depthwise)), block.project)
        return self.node("Add", [inner, x]) if block.shortcut else inner


def build(encoder: Any, prototypes: Any, ranges: Mapping[Any, Range] | None = None) -> onnx.ModelProto:
    """The network as a graph. ranges: of what enters those convolutions that work on integers, by module."""
    g = GraphWriter(ranges or {})
    x = g.node("Transpose", [g.node("Cast", ["images"], to=TensorProto.FLOAT)], perm=[0, 3, 1, 2])
    x = g.node("Sub", [x, g.constant(np.array(127, np.float32))])
    x = g.node("Div", [x, g.constant(np.array(128, np.float32))])
    x = g.relu6(g.convolution(x, encoder.stem))
    features = []
    for number, block in enumerate(encoder.blocks, 1):
        x = g.residual(x, block)
        if number in LEVELS:
            features.append(x)
    x = g.convolution(features[-1], encoder.lateral[-1])
    scales = g.constant(np.array([1, 1, 2, 2], np.float32))
    for level in range(len(encoder.fuse) - 1, -1, -1):
        x = g.node(
            "Resize", [x, "", scales], mode="linear", coordinate_transformation_mode="half_pixel",
        )  # fmt: skip
        x = g.node("Add", [g.convolution(features[level], encoder.lateral[level]), x])
        for layers in encoder.fuse[level]:
            x = g.block(x, layers)
    x = g.node("Transpose", [g.convolution(x, encoder.head)], perm=[0, 2, 3, 1])
    norm = g.node("ReduceL2", [x, g.constant(np.array([3], np.int64))], keepdims=1)
    x = g.node("Div", [x, g.node("Max", [norm, g.constant(np.array(1e-12, np.float32))])])
    g.nodes.append(helper.make_node("Identity", [x], ["descriptors"], name="descriptors"))
    cosines = g.node("MatMul", [x, g.constant(prototypes.unit().detach().numpy().T.copy())])
    axis = g.constant(np.array([3], np.int64))
    g.nodes.append(helper.make_node("ReduceMax", [cosines, axis], ["certainty"], name="certainty", keepdims=0))
    graph = helper.make_graph(
        g.nodes,
        "parts_encoder",
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["frames", "height", "width", 3])],
        [
            helper.make_tensor_value_info("descriptors", TensorProto.FLOAT, ["frames", "rows", "columns", 64]),
            helper.make_tensor_value_info("certainty", TensorProto.FLOAT, ["frames", "rows", "columns"]),
        ],
        g.constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8, producer_name="")
    onnx.checker.check_model(model)
    return model


def rounded_layers(encoder: Encoder, ranges: Mapping[Any, Range]) -> dict[Any, Range]:
    """The ranges of those convolutions that can do with 256 steps."""
    exact = {encoder.stem, encoder.lateral[0]}
    for block in encoder.blocks[:EXACT]:
        exact.update(block.modules())
    return {layer: limits for layer, limits in ranges.items() if layer not in exact}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True, help="holds the photographs that it was trained on")
    parser.add_argument("--out", type=Path, default=ASSETS)
    options = parser.parse_args()
    state = torch.load(options.checkpoint, weights_only=True, map_location="cpu")
    encoder, prototypes = Encoder(), Prototypes(len(ATTRIBUTES))
    encoder.load_state_dict(state["mean_encoder"])
    prototypes.load_state_dict(state["mean_prototypes"])
    encoder.eval()
    data = build(
        encoder, prototypes, rounded_layers(encoder, observe(encoder, examples(options.data)))
    ).SerializeToString()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "parts_encoder.onnx").write_bytes(data)
    fingerprint = f"parts-encoder:{hashlib.sha256(data).hexdigest()[:16]}"
    vectors: Tensor = prototypes.unit().detach()
    library = TemplateLibrary(
        Template(name, vector.numpy(), fingerprint, "learned with the encoder")
        for name, vector in zip(ATTRIBUTES, vectors, strict=True)
    )
    library.save(options.out / "templates.safetensors")
    print(f"{len(data) / 1e6:.1f} MB, {fingerprint}, from step {state['step']}")


if __name__ == "__main__":
    main()
