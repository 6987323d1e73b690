"""Detectors: what they give, and files that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from motionveil._core.errors import WeightsError
from motionveil.audit.detectors import ONNXDetector, YuNet
from motionveil.detection.features.encoder import ENCODER_PATH

from ..conftest import ROOT

GOLDEN = ROOT / "tests" / "golden"
WHITE = np.full((1, 64, 128, 3), 255, np.uint8)
SEEN = (32, 64)


def test_rows_of_boxes() -> None:
    detector = ONNXDetector(GOLDEN / "detector_rows.onnx", kind="person", size=SEEN, threshold=0.2)
    first, second = detector(WHITE)[0]
    assert first.box == (16, 8, 32, 32)  # frames are twice as large as what the network sees
    assert first.score == pytest.approx(1)
    assert first.kind == "person"
    assert second.box == (80, 16, 32, 32)
    assert second.score == pytest.approx(0.25)
    assert detector(WHITE // 2)[0][0].score == pytest.approx(127 / 255)
    assert len(detector(WHITE // 2)[0]) == 1
    assert [len(found) for found in detector(np.concatenate([WHITE, WHITE // 20]))] == [2, 0]


def test_only_some_classes() -> None:
    (found,) = ONNXDetector(GOLDEN / "detector_rows.onnx", size=SEEN, threshold=0.2, classes=[4])(WHITE)[0]
    assert found.box == (80, 16, 32, 32)


def test_boxes_as_yolo_has_them() -> None:
    detector = ONNXDetector(GOLDEN / "detector_yolo.onnx", size=SEEN)
    found = sorted(detector(WHITE)[0], key=lambda detection: -detection.score)
    assert [detection.box for detection in found] == [(16, 8, 32, 32), (80, 16, 32, 32)]
    assert [detection.score for detection in found] == pytest.approx([1, 0.8])


def test_frames_of_another_shape_are_padded() -> None:
    square = np.full((1, 64, 64, 3), 255, np.uint8)
    (found,) = ONNXDetector(GOLDEN / "detector_rows.onnx", size=SEEN)(square)[0]
    assert found.box == (16, 8, 32, 32)
    assert found.score == pytest.approx((1 + 114 / 255) / 2, abs=1e-5)  # half of what it sees is grey


def test_files_that_are_no_detector(tmp_path: Path) -> None:
    text = tmp_path / "text.onnx"
    text.write_text("hello")
    with pytest.raises(WeightsError, match="does not exist"):
        ONNXDetector(tmp_path / "none.onnx")
    with pytest.raises(WeightsError, match=r"text\.onnx is not a network that can be run; .*`detectors`") as caught:
        ONNXDetector(text)
    assert "reinstall" not in str(caught.value)
    with pytest.raises(WeightsError, match="output of shape"):
        ONNXDetector(GOLDEN / "detector_none.onnx", size=SEEN)
    with pytest.raises(WeightsError, match="does not accept images"):
        ONNXDetector(ENCODER_PATH)
    with pytest.raises(WeightsError, match="is not YuNet"):
        YuNet(text)
    with pytest.raises(WeightsError, match="is not YuNet"):
        YuNet(ENCODER_PATH)
    with pytest.raises(WeightsError, match="is not YuNet"):
        YuNet(GOLDEN / "detector_rows.onnx")


def test_yunet_is_looked_for_among_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIONVEIL_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / name))
    with pytest.raises(WeightsError, match="motionveil weights fetch yunet"):
        YuNet()


@pytest.mark.weights
def test_yunet_finds_a_face(weights_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    astronaut = np.asarray(pytest.importorskip("skimage.data").astronaut(), np.uint8)
    detector = YuNet(weights_dir / "yunet_n_640_640.onnx")
    frames = np.stack([astronaut, np.zeros_like(astronaut)])
    (face,), nothing = detector(frames)
    assert nothing == []
    assert face.kind == "face"
    assert face.score > 0.8
    left, top, width, height = face.box
    assert 160 < left < 200
    assert 60 < top < 110
    assert 80 < width < 130
    assert 100 < height < 170
    assert capfd.readouterr() == ("", "")
