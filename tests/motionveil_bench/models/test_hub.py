"""Tiny networks of the transformers hub, made here, with random weights."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from motionveil._core.errors import DependencyError, OptionError, WeightsError
from motionveil_bench.models import build_network, get_network
from motionveil_bench.models.hub import HubClassifier

transformers = pytest.importorskip("transformers", reason="this needs transformers: pip install 'motionveil[hub]'")

pytestmark = pytest.mark.usefixtures("one_torch_thread")

TINY = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "num_labels": 4}
VIDEO = {
    "videomae": lambda: transformers.VideoMAEConfig(**TINY, image_size=32, patch_size=16, num_frames=4),
    "timesformer": lambda: transformers.TimesformerConfig(**TINY, image_size=32, patch_size=16, num_frames=3),
    "vivit": lambda: transformers.VivitConfig(**TINY, image_size=32, tubelet_size=[2, 16, 16], num_frames=6),
    "vjepa2": lambda: transformers.VJEPA2Config(
        **TINY | {"hidden_size": 24},
        crop_size=32,
        patch_size=16,
        frames_per_clip=8,
        num_pooler_layers=1,
        pred_hidden_size=24,
        pred_num_attention_heads=2,
        pred_num_hidden_layers=1,
    ),
}
IMAGE = {
    "vit": lambda: transformers.ViTConfig(**TINY, image_size=32, patch_size=16),
    "resnet": lambda: transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=4),
}
FRAMES = {"videomae": (4, 4), "timesformer": (3, 32), "vivit": (6, 2), "vjepa2": (8, 4)}


def saved(kind: str, folder: Path, **preprocessing: Any) -> Any:
    """The network, after it was saved to the folder."""
    torch.manual_seed(0)
    if kind in VIDEO:
        model = transformers.AutoModelForVideoClassification.from_config(VIDEO[kind]())
    else:
        model = transformers.AutoModelForImageClassification.from_config(IMAGE[kind]())
    model.save_pretrained(folder)
    if preprocessing:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessing), "utf-8")
    return model.eval()


@pytest.mark.parametrize("kind", VIDEO)
def test_video_classifiers(kind: str, tmp_path: Path) -> None:
    model = saved(kind, tmp_path)
    line = get_network(f"hub:{tmp_path}")
    assert (line.level, line.size, line.num_frames, line.frame_stride) == ("clip", 32, *FRAMES[kind])
    module = build_network(f"hub:{tmp_path}", 4).eval()
    clips = torch.randn(2, 3, line.num_frames, 32, 32)
    name = "pixel_values_videos" if kind == "vjepa2" else "pixel_values"
    with torch.inference_mode():
        expected = model(**{name: clips.permute(0, 2, 1, 3, 4)}).logits
        torch.testing.assert_close(module(clips), expected)


@pytest.mark.parametrize("kind", IMAGE)
def test_image_classifiers(kind: str, tmp_path: Path) -> None:
    model = saved(kind, tmp_path, size={"height": 32, "width": 32}, image_mean=[0.5] * 3, image_std=[0.25] * 3)
    line = get_network(f"hub:{tmp_path}")
    assert (line.level, line.size, line.num_frames, line.mean, line.deviation) == (
        "frame",
        32,
        1,
        (0.5, 0.5, 0.5),
        (0.25, 0.25, 0.25),
    )
    frames = torch.randn(2, 3, 32, 32)
    with torch.inference_mode():
        torch.testing.assert_close(build_network(f"hub:{tmp_path}", 4).eval()(frames), model(frames).logits)


@pytest.mark.parametrize("kind", [*VIDEO, *IMAGE])
def test_another_number_of_classes_replaces_the_head_alone(
    kind: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = saved(kind, tmp_path).state_dict()
    line = get_network(f"hub:{tmp_path}")
    capfd.readouterr()
    module = line.build(6).train()
    assert capfd.readouterr().err == ""
    after = {key: value for key, value in module.state_dict().items() if not key.startswith(line.head)}
    assert after
    assert all(torch.equal(value, before[key.removeprefix("model.")]) for key, value in after.items())
    shape = (2, 3, line.num_frames, 32, 32) if line.level == "clip" else (2, 3, 32, 32)
    logits = module(torch.randn(shape))
    assert logits.shape == (2, 6)
    nn.functional.cross_entropy(logits, torch.tensor([0, 5])).backward()
    assert all(value.grad is not None for key, value in module.named_parameters() if key.startswith(line.head))


@pytest.mark.parametrize(
    ("kind", "fixed"), [("videomae", True), ("vivit", True), ("timesformer", True), ("vjepa2", False)]
)
def test_networks_of_fixed_length_say_so(kind: str, fixed: bool, tmp_path: Path) -> None:
    saved(kind, tmp_path)
    module = build_network(f"hub:{tmp_path}", 4).eval()
    clips = torch.randn(1, 3, 10, 32, 32)
    if fixed:
        with pytest.raises(OptionError, match=r"takes clips of [346] frames, not of 10"):
            module(clips)
    else:
        assert module(clips).shape == (1, 4)


@pytest.mark.parametrize(
    "said",
    [
        {"do_rescale": True, "rescale_factor": 1 / 255, "image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]},
        {
            "do_rescale": True,
            "rescale_factor": 1 / 127.5,
            "offset": True,
            "image_mean": [0.5] * 3,
            "image_std": [2] * 3,
        },
        {"do_rescale": True, "rescale_factor": 1 / 255, "offset": False, "do_normalize": False},
        {"do_rescale": False, "image_mean": [120, 110, 100], "image_std": [60, 70, 80]},
    ],
)
def test_pixels_are_normalised_as_the_library_does(said: dict[str, Any], tmp_path: Path) -> None:
    saved("videomae", tmp_path, **said)
    line = get_network(f"hub:{tmp_path}")
    frames = torch.randint(0, 256, (3, 5, 5)).float()
    ours = (frames / 255 - torch.tensor(line.mean).view(3, 1, 1)) / torch.tensor(line.deviation).view(3, 1, 1)
    # Step by step, as its image processors are documented.
    theirs = frames * said.get("rescale_factor", 1.0) - (1.0 if said.get("offset") else 0.0)
    if said.get("do_normalize", True):
        mean, deviation = (torch.tensor(said[key]).view(3, 1, 1) for key in ("image_mean", "image_std"))
        theirs = (theirs - mean) / deviation
    torch.testing.assert_close(ours, theirs)


def test_what_is_not_there_or_not_whole_is_said(tmp_path: Path) -> None:
    for name in (f"hub:{tmp_path / 'nothing'}", "hub:nobody/has-this", f"hub:{tmp_path}", "hub:"):
        with pytest.raises(WeightsError, match="motionveil itself fetches nothing"):
            get_network(name)
    saved("vit", tmp_path)
    weights = tmp_path / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(WeightsError, match="cannot load"):
        build_network(f"hub:{tmp_path}", 4)
    # Pickled weights are never read.
    torch.save({}, tmp_path / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(WeightsError, match=r"model\.safetensors"):
        build_network(f"hub:{tmp_path}", 4)


def test_weights_that_do_not_fit_the_configuration_are_refused(tmp_path: Path) -> None:
    saved("vit", tmp_path)
    file = tmp_path / "config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(config | {"intermediate_size": 24}), "utf-8")
    with pytest.raises(WeightsError, match=r"do not fit its configuration, from vit\."):
        build_network(f"hub:{tmp_path}", 4)
    file.write_text(json.dumps(config | {"num_hidden_layers": 2}), "utf-8")
    with pytest.raises(WeightsError, match=r"do not fit its configuration, from vit\."):
        build_network(f"hub:{tmp_path}", 4)


def test_other_kinds_of_networks_are_refused(tmp_path: Path) -> None:
    transformers.BertConfig().save_pretrained(tmp_path)
    with pytest.raises(OptionError, match="is a bert, which classifies neither"):
        get_network(f"hub:{tmp_path}")


def test_without_transformers_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(DependencyError, match=r"pip install 'motionveil\[hub\]'"):
        get_network("hub:anything")


def test_the_state_saved_after_training_loads_again(tmp_path: Path) -> None:
    saved("videomae", tmp_path / "hub")
    name = f"hub:{tmp_path / 'hub'}"
    trained = build_network(name, 3)
    assert isinstance(trained, HubClassifier)
    with torch.no_grad():
        for value in trained.parameters():
            value.add_(1)
    torch.save(trained.state_dict(), tmp_path / "trained.pt")
    again = build_network(name, 3, checkpoint=tmp_path / "trained.pt").state_dict()
    assert all(torch.equal(again[key], value) for key, value in trained.state_dict().items())
