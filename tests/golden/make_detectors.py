"""Tiny detectors in ONNX files, whose scores are the mean brightness of what they see.

    python -m tests.golden.make_detectors

Needs onnx. Writes detector_rows.onnx, detector_yolo.onnx and, with an output that is no box, detector_none.onnx
beside this file. Input: (1, 3, 32, 64) in [0, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

HERE = Path(__file__).parent


def write(
    name: str, boxes: Sequence[Sequence[float]], scores: Sequence[Sequence[float]], shape: list[int], axis: int
) -> None:
    """A network that gives these boxes, and these scores times the mean of the picture, joined along an axis."""
    constants = {"boxes": np.array(boxes, np.float32), "scores": np.array(scores, np.float32)}
    nodes = [
        helper.make_node("ReduceMean", ["picture"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["scores", "mean"], ["scaled"]),
        helper.make_node("Concat", ["boxes", "scaled"], ["joined"], axis=axis),
        helper.make_node("Reshape", ["joined", "shape"], ["found"]),
    ]
    tensors = [numpy_helper.from_array(value, key) for key, value in constants.items()]
    tensors.append(numpy_helper.from_array(np.array(shape, np.int64), "shape"))
    picture = helper.make_tensor_value_info("picture", onnx.TensorProto.FLOAT, [1, 3, 32, 64])
    found = helper.make_tensor_value_info("found", onnx.TensorProto.FLOAT, shape)
    graph = helper.make_graph(nodes, name, [picture], [found], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.checker.check_model(model)
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def main() -> None:
    """Write the files."""
    # x1, y1, x2, y2; score, class
    write("detector_rows", [[8, 4, 24, 20], [40, 8, 56, 24]], [[1, 0], [0.25, 4]], [1, 2, 6], 1)
    # centre x and y, width, height of three boxes, two of them nearly the same; scores for two classes
    boxes = [[16, 17, 48], [12, 12, 16], [16, 16, 16], [16, 16, 16]]
    write("detector_yolo", boxes, [[1, 0.9, 0], [0, 0, 0.8]], [1, 6, 3], 0)
    write("detector_none", [[0, 0]], [[1, 0]], [4], 1)


if __name__ == "__main__":
    main()
