"""Loads RAFT checkpoints of the authors or of torchvision."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from ..._core.errors import WeightsError
from .network import RAFT

_RENAMED = [
    (r"^feature_encoder\.", "fnet."),
    (r"^context_encoder\.", "cnet."),
    (r"^(.net)\.convnormrelu\.0\.", r"\1.conv1."),
    (r"^(.net)\.convnormrelu\.1\.", r"\1.norm1."),
    (r"^(.net)\.conv\.", r"\1.conv2."),
    (r"\.convnormrelu(\d)\.0\.", r".conv\1."),
    (r"\.convnormrelu(\d)\.1\.", r".norm\1."),
    (r"\.motion_encoder\.conv([cf])(?:orr|low)(\d)\.0\.", r".encoder.conv\1\2."),
    (r"\.motion_encoder\.conv\.0\.", ".encoder.conv."),
    (r"\.recurrent_block\.convgru(\d)\.(conv[zrq])\.", r".gru.\2\1."),
    (r"^mask_predictor\.convrelu\.0\.", "update_block.mask.0."),
    (r"^mask_predictor\.conv\.", "update_block.mask.2."),
]
_GATES = {"small": "update_block.gru.convz.weight", "large": "update_block.gru.convz1.weight"}
"""A parameter that only this size has."""
_WANTED = "raft-small.pth or raft-things.pth of princeton-vl/RAFT, or the weights of torchvision's RAFT"


def from_torchvision(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename weights of torchvision's raft_small or raft_large to the names of the authors' code.

    Both have the same architecture; torchvision's own weights give the same results as there.
    """
    renamed = {}
    for name, tensor in tensors.items():
        for pattern, replacement in _RENAMED:
            name = re.sub(pattern, replacement, name)
        renamed[name] = tensor
        if ".downsample.1." in name:  # stored twice in the authors' checkpoints
            renamed[name.replace(".downsample.1.", ".norm3.")] = tensor
    if not any(".gru.convz2." in name for name in renamed):  # a single unit has no number
        renamed = {re.sub(r"\.gru\.(conv[zrq])1\.", r".gru.\1.", name): tensor for name, tensor in renamed.items()}
    return renamed


def load_raft(tensors: Mapping[str, Tensor], *, origin: str = "the checkpoint") -> RAFT:
    """Create the network of these weights, small or large, for inference on the CPU in float32.

    Args:
        tensors: Weights by the names of the authors' code (without the 'module.' of their files) or of torchvision.
        origin: The name of the weights in messages.

    Raises:
        WeightsError: If they do not belong to RAFT.
    """
    if any(name.startswith("feature_encoder.") for name in tensors):
        tensors = from_torchvision(tensors)
    size = next((size for size, gate in _GATES.items() if gate in tensors), None)
    if size is None:
        raise WeightsError(f"{origin} is not a RAFT checkpoint; give {_WANTED}")
    network = RAFT(size)
    wanted = network.state_dict()
    odd = sorted(wanted.keys() ^ tensors.keys())
    odd += sorted(name for name in wanted.keys() & tensors.keys() if wanted[name].shape != tensors[name].shape)
    if odd:
        raise WeightsError(
            f"{origin} does not match RAFT {size} as published: {len(odd)} tensors are missing, unknown or of a "
            f"different shape, for instance {odd[0]}; give {_WANTED}"
        )
    network.load_state_dict(dict(tensors))
    return network.eval()
