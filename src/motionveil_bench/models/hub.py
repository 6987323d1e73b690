"""Classifiers of the transformers hub, from a local folder or from what the user has fetched before.

Video: VideoMAE (Tong et al., NeurIPS 2022), TimeSformer (Bertasius et al., ICML 2021), ViViT (Arnab et al., ICCV 2021),
V-JEPA 2 (Assran et al., 2025), and what else the library calls a video classifier; frames: every image classifier.
Nothing is fetched and no code of a checkpoint runs: weights are safetensors, read with `local_files_only`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from torch import Tensor, nn

from motionveil._core.errors import DependencyError, OptionError, WeightsError
from motionveil.outputs.run_manifest import file_digest

from ..results import hash_of
from .network import IMAGENET, Network

HUB = "hub:"
"""What names of such networks begin with; a folder follows, or a name on the hub."""

_FRAME_STRIDES = {"timesformer": 32, "vivit": 2}
"""As published; 4 for the others. A configuration does not tell."""
_ANY_LENGTH = ("vjepa2",)
"""Networks with positions that do not end; the others only take the number of frames in their configuration."""
_VIEWS = 32
_HEADS = ("model.classifier.", "model.cls_classifier.", "model.distillation_classifier.")


class HubClassifier(nn.Module):
    """A classifier of transformers with our shapes: clips (N, 3, T, H, W) or frames (N, 3, H, W) to logits.

    Raises OptionError for clips of another number of frames, where `num_frames` is given.
    """

    def __init__(self, model: Any, num_frames: int | None = None) -> None:
        super().__init__()
        self.model = model
        self.num_frames = num_frames

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.ndim == 5:
            inputs = inputs.transpose(1, 2)
            if self.num_frames not in (None, inputs.shape[1]):
                raise OptionError(
                    f"this {type(self.model).__name__} takes clips of {self.num_frames} frames, not of"
                    f" {inputs.shape[1]}; sample as many"
                )
        return self.model(**{self.model.main_input_name: inputs}).logits


def hub_network(name: str) -> Network:
    """The network in a folder, or of a name on the hub that the user has fetched; with or without 'hub:' before it.

    What it wants to see comes from config.json and preprocessor_config.json beside the weights. Its `build` returns the
    pretrained network; the last layer is random where it was trained for another number of classes. Raises
    DependencyError without transformers, WeightsError where nothing is there, OptionError for another kind of network.
    """
    name = name.removeprefix(HUB)
    transformers = _transformers()
    config = _local(name, transformers.AutoConfig.from_pretrained)
    video = type(config) in transformers.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING
    if not video and type(config) not in transformers.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING:
        raise OptionError(f"{name} is a {config.model_type}, which classifies neither videos nor images")
    shown = _preprocessing(name, transformers)
    mean, deviation = _normalisation(shown)
    count = _first(config, "num_frames", "frames_per_clip") if video else 1
    return Network(
        partial(_build, name),
        "clip" if video else "frame",
        _side(_first(config, "image_size", "crop_size") or shown.get("crop_size") or shown.get("size") or 224),
        count,
        _FRAME_STRIDES.get(config.model_type, 4) if video else 1,
        views=1 if video else _VIEWS,
        mean=mean,
        deviation=deviation,
        head=_HEADS,
        pretrained=name,
    )


def _build(name: str, num_classes: int) -> nn.Module:
    """The network with its weights, and a new last layer for another number of classes.

    Raises WeightsError where there are no safetensors, or they are of another network.
    """
    transformers = _transformers()
    config = _local(name, transformers.AutoConfig.from_pretrained)
    video = type(config) in transformers.MODEL_FOR_VIDEO_CLASSIFICATION_MAPPING
    kind = transformers.AutoModelForVideoClassification if video else transformers.AutoModelForImageClassification
    with _quiet(transformers):
        model, report = _local(
            name,
            kind.from_pretrained,
            num_labels=num_classes,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
            use_safetensors=True,
        )
    body = f"{model.base_model_prefix}."
    misfits = [key if isinstance(key, str) else key[0] for key in (*report["missing_keys"], *report["mismatched_keys"])]
    wrong = sorted(key for key in misfits if key.startswith(body))
    if wrong:
        raise WeightsError(f"the weights in {name} do not fit its configuration, from {wrong[0]} on; fetch them again")
    fixed = video and config.model_type not in _ANY_LENGTH
    return HubClassifier(model.float(), _first(config, "num_frames") if fixed else None)


def _transformers() -> Any:
    try:
        return importlib.import_module("transformers")
    except ImportError as error:
        raise DependencyError(
            "networks of the hub need transformers; install it with: pip install 'motionveil[hub]'"
        ) from error


def _local(name: str, load: Any, **options: Any) -> Any:
    """What a loader of transformers makes of local files. Raises WeightsError with how to get them.

    Some networks need further packages, such as timm; DependencyError says which.
    """
    try:
        return load(name, local_files_only=True, trust_remote_code=False, **options)
    except ImportError as error:
        raise DependencyError(f"{name} needs a package that is not installed: {str(error).strip()}") from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise WeightsError(
            f"cannot load {name}: give a folder with config.json and model.safetensors, or the name of a network that"
            f" 'hf download {name}' has fetched (motionveil itself fetches nothing)"
        ) from error


def _preprocessing(name: str, transformers: Any) -> Mapping[str, Any]:
    """What preprocessor_config.json says, or the newer file for videos; nothing where there is neither."""
    for file in ("video_preprocessor_config.json", "preprocessor_config.json"):
        try:
            found = transformers.utils.cached_file(name, file, local_files_only=True)
        except OSError:
            continue
        try:
            said: Mapping[str, Any] = json.loads(Path(found).read_text(encoding="utf-8"))
        except ValueError as error:
            raise WeightsError(f"{found} is damaged; fetch it again") from error
        return said
    return {}


def _normalisation(shown: Mapping[str, Any]) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
    """Mean and deviation, of pixels in [0, 1], that amount to rescaling 8 bits, shifting and normalising."""
    scale = 255 * float(shown.get("rescale_factor", 1 / 255)) if shown.get("do_rescale", True) else 255.0
    shift = 1.0 if shown.get("offset", False) else 0.0
    mean, deviation = (0.0,) * 3, (1.0,) * 3
    if shown.get("do_normalize", True):
        mean, deviation = shown.get("image_mean") or IMAGENET[0], shown.get("image_std") or IMAGENET[1]
    red, green, blue = ((value + shift) / scale for value in mean)
    by_red, by_green, by_blue = (value / scale for value in deviation)
    return (red, green, blue), (by_red, by_green, by_blue)


def _first(config: Any, *names: str) -> Any:
    """The first of some settings that a configuration has."""
    return next((value for name in names if (value := getattr(config, name, None))), None)


def _side(size: Any) -> int:
    """The side of a square, however it is written. Raises OptionError for other shapes."""
    if isinstance(size, Mapping):
        size = [value for key, value in size.items() if key in ("height", "width", "shortest_edge")]
    sides = {int(side) for side in (size if isinstance(size, (list, tuple)) else [size])}
    if len(sides) != 1:
        raise OptionError(f"this takes square frames alone, and the network wants {'x'.join(map(str, size))}")
    return sides.pop()


@contextmanager
def _quiet(transformers: Any) -> Iterator[None]:
    """Without the library's progress bar and its table of layers that were not in the file."""
    log = transformers.utils.logging
    bar, level = log.is_progress_bar_enabled(), log.get_verbosity()
    log.disable_progress_bar()
    log.set_verbosity_error()
    try:
        yield
    finally:
        log.set_verbosity(level)
        if bar:
            log.enable_progress_bar()


def row_name(network: str) -> str:
    """What results call a network: a folder of the hub by its last part alone."""
    return HUB + Path(network.removeprefix(HUB)).name if network.startswith(HUB) else network


def hub_digest(network: str) -> str | None:
    """Of the weights of a network of the hub that lies in a folder."""
    folder = Path(network.removeprefix(HUB))
    if not network.startswith(HUB) or not folder.is_dir():
        return None
    return hash_of([[file.name, file_digest(file)] for file in sorted(folder.glob("*.safetensors"))])
