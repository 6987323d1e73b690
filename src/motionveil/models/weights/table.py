"""The registry of supported weights, with publishers and licences."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..._core.errors import WeightsError


@dataclass(frozen=True)
class Weights:
    """Published network weights.

    Attributes:
        name: The name used on the command line.
        network: The architecture.
        description: How they were trained.
        url: Where their authors publish them.
        file: File name in a weights folder.
        licence: SPDX identifier of the licence of the weights.
        data: Training data, with its terms if narrower than the licence.
        source: The paper.
        size: Bytes; exact if the sha256 is known, otherwise within 2 %; 0 if unknown.
        sha256: 64 hexadecimal digits; None if not published.
        member: Path inside the ZIP archive at the URL; None if the URL is the file itself.
    """

    name: str
    network: str
    description: str
    url: str
    file: str
    licence: str
    source: str
    data: str
    size: int
    sha256: str | None = None
    member: str | None = None

    @property
    def megabytes(self) -> str:
        """The size in megabytes, formatted."""
        if not self.size:
            return "? MB"
        return f"{self.size / 1e6:.{0 if self.size > 1e6 else 1}f} MB"

    @property
    def digits(self) -> str:
        """The first digits of the sha256, which torchvision writes into file names; empty if there are none."""
        found = re.search(r"-([0-9a-f]{8})\.pth$", self.file)
        return found[1] if found else ""


_DINO = "Caron et al., Emerging Properties in Self-Supervised Vision Transformers, ICCV 2021"
_DINOV2 = "Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, TMLR 2024"
_AUGREG = "Steiner et al., How to Train Your ViT?, TMLR 2022"
_RAFT = "Teed and Deng, RAFT: Recurrent All-Pairs Field Transforms for Optical Flow, ECCV 2020"
_YUNET = "Wu, Peng, Yu, YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence Research 2023"

_NON_LOCAL = "Wang et al., Non-local Neural Networks, CVPR 2018"
_SLOWFAST = "Feichtenhofer et al., SlowFast Networks for Video Recognition, ICCV 2019"
_X3D = "Feichtenhofer, X3D: Expanding Architectures for Efficient Video Recognition, CVPR 2020"
_RESNET = "He et al., Deep Residual Learning for Image Recognition, CVPR 2016"
_VIT = "Dosovitskiy et al., An Image is Worth 16x16 Words, ICLR 2021"

_META = "https://dl.fbaipublicfiles.com"
_RAFT_ZIP = "https://dl.dropboxusercontent.com/s/4j4z58wuv8o0mfz/models.zip"
_LIBFACEDETECTION = "https://raw.githubusercontent.com/ShiqiYu/libfacedetection.train/master/onnx"
_TORCHVISION = "https://download.pytorch.org/models"

_IMAGENET = "ImageNet (non-commercial research and teaching)"
_KINETICS = "Kinetics-400 (annotations CC BY 4.0)"
_WIDER = "WIDER FACE (CC BY-NC-ND 4.0)"
_THINGS = "FlyingChairs, FlyingThings3D (research, no commercial use)"
_MIXED = f"{_THINGS}, Sintel, KITTI (CC BY-NC-SA 3.0), HD1K"


def _dino(name: str, network: str, folder: str, size: int, sha256: str | None = None) -> Weights:
    url = f"{_META}/dino/{folder}/{folder}.pth"
    return Weights(
        name, network, "self-supervised (DINO)", url, f"{folder}.pth", "Apache-2.0", _DINO, _IMAGENET, size, sha256
    )


def _dinov2(name: str, network: str, size: int, sha256: str) -> Weights:
    file = f"{name}_pretrain.pth"
    url = f"{_META}/dinov2/{name}/{file}"
    data = "LVD-142M (not published)"
    return Weights(name, network, "self-supervised (DINOv2)", url, file, "Apache-2.0", _DINOV2, data, size, sha256)


def _timm(name: str, network: str, tag: str, description: str, source: str, size: int) -> Weights:
    url = f"https://huggingface.co/timm/{name}.{tag}/resolve/main/model.safetensors"
    file = f"{name}.{tag}.safetensors"
    return Weights(name, network, description, url, file, "Apache-2.0", source, _IMAGENET, size)


def _raft(name: str, network: str, file: str, data: str, size: int, sha256: str) -> Weights:
    description, member = "optical flow, by its authors", f"models/{file}"
    return Weights(name, network, description, _RAFT_ZIP, file, "BSD-3-Clause", _RAFT, data, size, sha256, member)


def _torchvision(name: str, network: str, file: str, data: str, size: int, sha256: str) -> Weights:
    description, url = "optical flow, retrained by torchvision", f"{_TORCHVISION}/{file}"
    return Weights(name, network, description, url, file, "BSD-3-Clause", _RAFT, data, size, sha256)


def _kinetics(name: str, file: str, source: str) -> Weights:
    url = f"{_META}/pytorchvideo/model_zoo/kinetics/{file}"
    return Weights(name, name, "actions, by PyTorchVideo", url, file, "Apache-2.0", source, _KINETICS, 0)


def _imagenet(name: str, file: str, source: str) -> Weights:
    url = f"{_TORCHVISION}/{file}"
    return Weights(name, name, "objects, by torchvision", url, file, "BSD-3-Clause", source, _IMAGENET, 0)


_SUPERVISED = "supervised (augreg), on ImageNet-21k, then ImageNet-1k"

WEIGHTS: Mapping[str, Weights] = {
    weights.name: weights
    for weights in (
        _dino("dino_vits8", "vit_small_patch8", "dino_deitsmall8_pretrain", 86_700_000),
        _dino("dino_vits16", "vit_small_patch16", "dino_deitsmall16_pretrain", 86_700_000),
        _dino("dino_vitb8", "vit_base_patch8", "dino_vitbase8_pretrain", 343_200_000),
        _dino("dino_vitb16", "vit_base_patch16", "dino_vitbase16_pretrain", 343_242_485,
              "bf34ad0f424b9029b593e8dc3ed553bf26e88bcba0d32bf3e62a6209cb64c85e"),
        _dinov2("dinov2_vits14", "vit_small_patch14", 88_283_115,
                "b938bf1bc15cd2ec0feacfe3a1bb553fe8ea9ca46a7e1d8d00217f29aef60cd9"),
        _dinov2("dinov2_vitb14", "vit_base_patch14", 346_378_731,
                "0b8b82f85de91b424aded121c7e1dcc2b7bc6d0adeea651bf73a13307fad8c73"),
        # timm never had supervised weights of ViT-S/8: those under this name are DINO's.
        _timm("vit_small_patch8_224", "vit_small_patch8", "dino",
              "not supervised: no such ViT-S/8 was published, this is DINO's in timm's form", _DINO, 86_700_000),
        _timm("vit_small_patch16_224", "vit_small_patch16", "augreg_in21k_ft_in1k", _SUPERVISED, _AUGREG, 88_200_000),
        _timm("vit_base_patch8_224", "vit_base_patch8", "augreg_in21k_ft_in1k", _SUPERVISED, _AUGREG, 346_000_000),
        _timm("vit_base_patch16_224", "vit_base_patch16", "augreg_in21k_ft_in1k", _SUPERVISED, _AUGREG, 346_000_000),
        _raft("raft_small", "raft_small", "raft-small.pth", _THINGS, 3_984_814,
              "c7d41b9cc88442bb8aa911dbb33086dac55a226394b142937ff22d5578717332"),
        _raft("raft_things", "raft_large", "raft-things.pth", _THINGS, 21_108_000,
              "fcfa4125d6418f4de95d84aec20a3c5f4e205101715a79f193243c186ac9a7e1"),
        _raft("raft_sintel", "raft_large", "raft-sintel.pth", _MIXED, 21_108_000,
              "90630d2e7d488a0d3ccb5e8194524850c4c05c732ea4ff99799822c7fa5c5cbf"),
        _torchvision("raft_small_torchvision", "raft_small", "raft_small_C_T_V2-01064c6d.pth", _THINGS, 4_006_189,
                     "01064c6dba73b0fc9fc8edf772248560a00a3acfd62ac6677e9eeebad9680e27"),
        _torchvision("raft_large_torchvision", "raft_large", "raft_large_C_T_SKHT_V2-ff5fadd5.pth", _MIXED, 21_106_607,
                     "ff5fadd56d26b40647388883af1547351ea17868b765c05b27231e72dd16a322"),
        _kinetics("c2d_r50", "C2D_8x8_R50.pyth", _NON_LOCAL),
        _kinetics("i3d_r50", "I3D_8x8_R50.pyth", _NON_LOCAL),
        _kinetics("slow_r50", "SLOW_8x8_R50.pyth", _SLOWFAST),
        _kinetics("slowfast_r50", "SLOWFAST_8x8_R50.pyth", _SLOWFAST),
        _kinetics("csn_r101", "CSN_32x2_R101.pyth", "Tran et al., Channel-Separated Convolutional Networks, ICCV 2019"),
        _kinetics("r2plus1d_r50", "R2PLUS1D_16x4_R50.pyth", "Tran et al., A Closer Look at Convolutions, CVPR 2018"),
        _kinetics("x3d_s", "X3D_S.pyth", _X3D),
        _kinetics("x3d_m", "X3D_M.pyth", _X3D),
        _kinetics("x3d_l", "X3D_L.pyth", _X3D),
        _kinetics("mvit_base_16x4", "MVIT_B_16x4.pyth", "Fan et al., Multiscale Vision Transformers, ICCV 2021"),
        _imagenet("resnet18", "resnet18-f37072fd.pth", _RESNET),
        _imagenet("resnet50", "resnet50-0676ba61.pth", _RESNET),
        _imagenet("resnet101", "resnet101-63fe2227.pth", _RESNET),
        _imagenet("vit_b_16", "vit_b_16-c867db91.pth", _VIT),
        _imagenet("vit_b_32", "vit_b_32-d86f8d99.pth", _VIT),
        _imagenet("inception_v1", "googlenet-1378be20.pth", "Szegedy et al., Going Deeper, CVPR 2015"),
        Weights("yunet", "yunet_n", "face detection, by its authors", f"{_LIBFACEDETECTION}/yunet_n_640_640.onnx",
                "yunet_n_640_640.onnx", "Apache-2.0", _YUNET, _WIDER, 317_466,
                "25a606a145a5b6d7271ae138fbd00eba91dad8b83222ae3f2c7ecd0f4a7b0e31"),
    )
}  # fmt: skip
"""Weights by name. None are part of the package, and none are downloaded without being requested."""


def get_weights(name: str) -> Weights:
    """The weights with this name.

    Raises:
        WeightsError: If there are none.
    """
    if name not in WEIGHTS:
        raise WeightsError(f"unknown weights {name!r}; choose from {', '.join(WEIGHTS)}")
    return WEIGHTS[name]
