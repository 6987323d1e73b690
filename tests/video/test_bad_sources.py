"""What cannot be read says so in one sentence that names it."""

from __future__ import annotations

import socket
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from motionveil._core.errors import InputError
from motionveil.video import open_source, probe, reading

from .films import make_film, numbered


def complaint(source: str | Path | int) -> str:
    with pytest.raises(InputError) as caught, open_source(source) as opened:
        list(opened)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_missing_file(tmp_path: Path) -> None:
    assert complaint(tmp_path / "a.mp4") == f"{tmp_path / 'a.mp4'} does not exist: check the name and the folder"


def test_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    assert "a.mp4 is empty" in complaint(tmp_path / "a.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.txt", "a.nfo"])
def test_text(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("It was a dark and stormy night.\n" * 50)
    assert f"{name} is " in complaint(tmp_path / name)


def test_text_named_as_an_image(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_text("not a picture")
    assert "a.jpg is not an image, or damaged" in complaint(tmp_path / "a.jpg")


def test_sound_only(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 16000), np.float32), format="fltp", layout="stereo")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "a.mp4 contains only audio" in complaint(tmp_path / "a.mp4")


def test_no_frames(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height = 32, 32
        container.start_encoding()
    assert "a.mkv contains no frames" in complaint(tmp_path / "a.mkv")


def test_unknown_codec(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.mkv", numbered(3), codec="ffv1", pixel_format="bgr0")
    film.write_bytes(film.read_bytes().replace(b"V_FFV1", b"V_QQQ9"))
    assert "a.mkv" in complaint(film)


def test_folder_without_images(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").touch()
    assert f"the folder {tmp_path} contains no images" in complaint(tmp_path)


@pytest.mark.parametrize("pattern", ["%06d.jpg", "*.png"])
def test_pattern_without_images(tmp_path: Path, pattern: str) -> None:
    assert complaint(tmp_path / pattern).startswith(f"no image matches {tmp_path / pattern}")


def test_images_of_different_sizes(tmp_path: Path) -> None:
    for name, width in (("1.png", 20), ("2.png", 20), ("10.png", 24)):
        cv2.imwrite(str(tmp_path / name), np.zeros((16, width, 3), np.uint8))
    assert "10.png is 24x16 but the images before it are 20x16" in complaint(tmp_path)


def test_no_camera() -> None:
    assert complaint(63).startswith("camera 63 cannot be opened")
    assert complaint("camera:63").startswith("camera 63 cannot be opened")
    assert "give its number" in complaint("camera:front")


def test_unreachable_address() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    message = complaint(f"rtsp://me:secret@127.0.0.1:{port}/live")
    assert f"rtsp://127.0.0.1:{port}/live cannot be reached" in message
    assert "secret" not in message


def test_silent_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_TIMEOUT", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:  # accepts, and never says a word
        assert "does not respond within" in complaint(f"http://127.0.0.1:{server.getsockname()[1]}/a.mp4")


def test_probe_complains_alike(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        probe(tmp_path / "a.mp4")
