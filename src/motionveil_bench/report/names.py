"""How obfuscators, data sets and networks are called and drawn. Names that are not listed are shown as they are."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from motionveil.obfuscation.presets import PRESETS

from ..copies.obfuscations import ORIGINAL, PERSON_REMOVED, SCENE_ALONE, SILHOUETTE, TEMPLATE

Role = Literal["original", "ours", "baseline", "learned", "reference"]
IID = "_iid"
"""Ends the names of obfuscators with noise that is new in every frame."""
FLOORS = {PERSON_REMOVED: "person removed", SCENE_ALONE: "scene alone"}
"""What attackers are set against: what they reach where the people are gone."""

OBFUSCATORS = {
    "original": "Original",
    "mean_fill": "Masking, mean colour",
    "solid": "Masking, one colour",
    "inpaint": "Masking, inpainted",
    "person_blur": "Blur of people (strong)",
    "person_pixelate": "Pixelate 16×16, people",
    "pixelate_4": "Pixelate 4×4",
    "pixelate_16": "Pixelate 16×16",
    "blur_weak": "Blur κ=13 σ=10 (weak)",
    "blur_strong": "Blur κ=21 σ=10 (strong)",
    "person_black": "Masking, black",
    "face_black": "Masking of faces, black",
    "face_blur": "Blur of faces (strong)",
    "downsample_2": "Downsampled to 56 pixels",
    "downsample_4": "Downsampled to 28 pixels",
    "downsample_8": "Downsampled to 14 pixels",
    "downsample_16": "Downsampled to 7 pixels",
    "iid_noise": "i.i.d. noise, whole frame",
    "static_noise": "Static noise, whole frame",
    "motion_noise": "Motion noise, whole frame",
    "paper": "Preset paper",
    "paper_iid": "Preset paper, i.i.d. noise",
    "paper_max": "Preset paper, max",
    "paper_fast": "Preset paper_fast",
    "secure": "Preset secure",
    "figure_ground": "Preset figure_ground",
    "figure_ground_plain": "Preset figure_ground, not lit",
    "secure_iid": "Preset secure, i.i.d. noise",
    "silhouette": "Silhouette",
    "person_removed": "Person removed",
    "scene_alone": "Scene alone",
}
"""In the order in which they are shown; what is not listed comes before our presets."""

LEARNED = {
    "untrained": "Identity, before training",
    "grl": "GRL",
    "kbeam": "K-beam",
    "entropy": "Entropy",
    "alf": "ALF",
    "bdq": "BDQ",
    "elr": "ELR",
    "spact": "SPAct",
}
"""Methods of other authors whose networks are trained. What begins with one of these names and `_` is a variant."""
_COUNTED = {"kbeam": "K", "entropy": "M", "elr": "s"}
"""What the number behind a method's name counts: attackers, or the size of the picture."""

DATASETS = {
    "ipn": "IPN",
    "kth": "KTH",
    "sbu": "SBU",
    "kth_published": "KTH (as published)",
    "ipn_published": "IPN (as published)",
    "sbu_published": "SBU (as published)",
    "ut_interaction": "UT-Interaction",
    "ucf101": "UCF101",
    "ucf101_5": "UCF101, 5 classes",
    "hmdb51": "HMDB51",
    "pa_hmdb51": "PA-HMDB51",
    "vispr": "VISPR",
}

NETWORKS = {
    "c2d_r50": "C2D",
    "csn_r101": "CSN",
    "e2s_x3d_l": "E2S X3D L",
    "e2s_x3d_m": "E2S X3D M",
    "e2s_x3d_s": "E2S X3D S",
    "i3d_r50": "I3D",
    "mvit_base_16x4": "MViT",
    "r2plus1d_r50": "R2+1D",
    "slow_r50": "Slow",
    "slowfast_r50": "SlowFast",
    "x3d_l": "X3D L",
    "x3d_m": "X3D M",
    "x3d_s": "X3D S",
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "resnet101": "ResNet-101",
    "vit_b_16": "ViT-B/16",
    "vit_b_32": "ViT-B/32",
    "c3d": "C3D",
    "inception_v1": "Inception v1",
    "inception_v2": "Inception v2",
    "resnet_v1_50": "ResNet-50 v1",
    "resnet_v1_101": "ResNet-101 v1",
    "resnet_v2_50": "ResNet-50 v2",
    "resnet_v2_101": "ResNet-101 v2",
    "mobilenet_v1_100": "MobileNet v1, 1.0",
    "mobilenet_v1_075": "MobileNet v1, 0.75",
    "mobilenet_v1_060": "MobileNet v1, 0.6",
    "mobilenet_v1_050": "MobileNet v1, 0.5",
    "mobilenet_v1_025": "MobileNet v1, 0.25",
    "small_r3d": "Small R3D",
    "small_r2plus1d": "Small R(2+1)D",
    "small_two_stream": "Small two-stream",
    "small_resnet": "Small ResNet",
    "small_bag": "Small BagNet",
}
"""In the order of Table 1 of the paper, then the attackers of the two-fold evaluation by family, then small ones."""


SECTIONS: tuple[tuple[Role, str], ...] = (
    ("original", ""),
    ("baseline", "Baselines and other methods"),
    ("learned", "Learned methods"),
    ("ours", "Ours"),
    ("reference", "References"),
)
"""Roles in the order in which tables show them, with headings."""

PROTOCOL_TITLES = {
    "frozen": "networks trained on original video (frozen)",
    "retrained": "networks trained on what the obfuscator makes (retrained)",
    "two_fold": "unseen networks trained on what a frozen obfuscator makes (two-fold)",
    "mixed": "learned methods retrained, all others frozen (the paper's protocol, which flatters all others)",
}
_NAMED = 6
"""Names that a sentence lists before it counts the rest."""
PROTOCOLS_SHORT = {"frozen": "frozen", "retrained": "retrained", "two_fold": "two-fold", "mixed": "mixed"}


def learned_method(name: str) -> str:
    """The learned method that an obfuscator is, or is a variant of (`kbeam` of `kbeam_8`); empty for all others."""
    return next((method for method in LEARNED if name == method or name.startswith(f"{method}_")), "")


def obfuscator_name(name: str) -> str:
    """The name of an obfuscator for people; that of a template for `template_<name>`."""
    known = (OBFUSCATORS | LEARNED).get(name)
    method = learned_method(name)
    if known or not method:
        return known or name.removeprefix(TEMPLATE)
    variant = name.removeprefix(f"{method}_")
    counted = method in _COUNTED and variant.isdigit()
    return f"{LEARNED[method]} {_COUNTED[method]}={variant}" if counted else f"{LEARNED[method]}, {_spaced(variant)}"


def _spaced(name: str) -> str:
    return name.replace("_", " ")


def dataset_name(name: str) -> str:
    """The name of a data set for people."""
    return DATASETS.get(name, name)


def network_name(name: str) -> str:
    """The name of a network for people."""
    return NETWORKS.get(name, name)


def role(name: str) -> Role:
    """What an obfuscator is in a comparison: `ours` are our presets and what is made of them."""
    if name == ORIGINAL:
        return "original"
    if name in (*FLOORS, SILHOUETTE):
        return "reference"
    if learned_method(name):
        return "learned"
    return "ours" if any(name == preset or name.startswith(f"{preset}_") for preset in PRESETS) else "baseline"


def label_of(name: str) -> str:
    """The name of an obfuscator in figures, which have no headings."""
    return obfuscator_name(name) + (" (ours)" if role(name) == "ours" else "")


def obfuscator_order(name: str) -> tuple[int, int, int, str]:
    """A key to sort obfuscators by: as `SECTIONS` and the tables above have them, variants by their numbers."""
    listed, base = [*OBFUSCATORS, *LEARNED], learned_method(name) or name
    number = name.rpartition("_")[2] if base != name else ""
    return (
        [kind for kind, _ in SECTIONS].index(role(name)),
        listed.index(base) if base in listed else len(listed),
        int(number) if number.isdecimal() else 0,
        name,
    )


def network_order(name: str) -> tuple[int, str]:
    """A key to sort networks by: as in the paper's Table 1, then the others by name."""
    listed = list(NETWORKS)
    return listed.index(name) if name in listed else len(listed), name


def listed(items: Iterable[str], joint: str = ", ") -> str:
    """Names in a sentence, which counts those that would make it too long."""
    found = list(items)
    rest = len(found) - _NAMED
    return joint.join(found[:_NAMED]) + (f"{joint}and {rest} more" if rest > 0 else "")


@dataclass(frozen=True)
class Style:
    """How something is drawn: colour as #rrggbb, dash as (on, off, …) in line widths, marker as in matplotlib."""

    colour: str
    dash: tuple[float, ...] = ()
    marker: str = "o"
    width: float = 1.0


ACTION_STYLE, PRIVACY_STYLE = Style("#0072B2"), Style("#D55E00")
"""Blue is good when high, red when low, as in the paper; Okabe and Ito's, which colour-blind people tell apart."""
PALETTE = {"original": "#000000", "ours": "#D55E00", "learned": "#7B5EA7", "reference": "#777777"}
_MARKERS = {"original": "p", "ours": "o", "learned": "h", "reference": "8"}
_FAMILIES = (
    (("blur", "person_blur"), "#E69F00", "s"),
    (("pixel", "person_pixel"), "#56B4E9", "D"),
    (("mean_fill", "solid", "inpaint", "mask"), "#009E73", "^"),
    (("iid_noise", "static_noise", "motion_noise"), "#CC79A7", "v"),
)
_OTHERS = ("#8C6D46", "H")
_DASHES: tuple[tuple[float, ...], ...] = (
    (), (4, 1.5), (1, 1.2), (5, 1.2, 1, 1.2), (2.5, 2.5), (8, 2), (5, 1, 1, 1, 1, 1), (1, 3),
)  # fmt: skip


def styles(names: list[str]) -> dict[str, Style]:
    """A style for each obfuscator: families share colour and marker, and differ in dashes."""
    found: dict[str, Style] = {}
    used: dict[str, int] = {}
    for name in names:
        kind = role(name)
        colour, marker = _OTHERS
        for starts, family_colour, family_marker in _FAMILIES:
            if name.startswith(starts):
                colour, marker = family_colour, family_marker
        if kind != "baseline":
            colour, marker = PALETTE[kind], _MARKERS[kind]
        count = used[colour] = used.get(colour, -1) + 1
        found[name] = Style(colour, _DASHES[count % len(_DASHES)], marker, 1.8 if kind == "ours" else 1.0)
    return found
