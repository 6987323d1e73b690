"""The command line as a person uses it: what it prints, what it leaves, how it exits."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from motionveil import drawing
from motionveil.cli import main

from ..conftest import textured
from ..pipeline.test_obfuscation import read, write

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    """Call the command in this process; gives exit code, what it printed, and what it complained of."""
    monkeypatch.setenv("MOTIONVEIL_TEMPLATES", str(tmp_path / "library" / "mine.safetensors"))

    def call(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["motionveil", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        captured = capsys.readouterr()
        return int(done.value.code or 0), captured.out, captured.err

    return call


@pytest.fixture
def video(tmp_path: Path, rng: np.random.Generator) -> Path:
    return write(tmp_path / "in.mp4", np.stack([textured(64, 96, rng)] * 8))


def complaint(result: tuple[int, str, str]) -> str:
    """The one sentence of a refused call."""
    code, out, err = result
    assert code == 2, err
    assert out == ""
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("motionveil: error: ")
    assert "Traceback" not in err
    return lines[0]


def test_obfuscate_with_no_options(run: Run, video: Path) -> None:
    code, out, _ = run("obfuscate", video)
    assert code == 0
    target = video.with_name("in_veiled.mp4")
    assert str(target) in out
    assert read(target)[0].shape == (8, 64, 96, 3)
    assert json.loads(target.with_name("in_veiled.mp4.json").read_text())["settings"]["preset"] == "secure"


def test_obfuscate_several_into_a_folder(run: Run, video: Path, tmp_path: Path) -> None:
    drawing.write_image(tmp_path / "photo.jpg", textured(64, 96, np.random.default_rng(0)))
    code, _, err = run("obfuscate", video, tmp_path / "photo.jpg", tmp_path / "none.mp4", "-o", tmp_path / "out")
    assert code == 1
    assert "1 of 3 failed" in err
    made = {p.name for p in (tmp_path / "out").iterdir()}
    assert made == {"in.mp4", "in.mp4.json", "photo.jpg", "photo.jpg.json", ".motionveil.sqlite"}


def test_options_reach_the_record(run: Run, video: Path, tmp_path: Path) -> None:
    code, _, err = run(
        "obfuscate", video, "-o", tmp_path / "o.mkv", "--hide", "hair, eyes", "--preset", "paper",
        "--features", "parts", "--flow", "dis", "--codec", "ffv1",
        "--thresholds", "0.1,0.3", "--margin", "0.02", "--hold", "0.5", "--keyframe-every", "4", "--grain", "9",
        "--transport", "accumulated", "--short-side", "128", "--start", "0.04", "--end", "0.2", "--size", "48",
    )  # fmt: skip
    assert code == 0, err
    record = json.loads((tmp_path / "o.mkv.json").read_text())
    coverage = record["settings"]["coverage"]
    assert list(record["templates"]) == ["hair", "eyes"]
    assert (coverage["thresholds"], coverage["margin"]) == ([0.1, 0.3], 0.02)
    assert (coverage["hold"], coverage["keyframe_every"], coverage["combine"]) == (0.5, 4, "mean")
    assert "grain=9" in record["settings"]["filler"]
    assert "short_side=128" in record["settings"]["extractor"]
    frames, times = read(tmp_path / "o.mkv")
    assert frames.shape == (4, 48, 72, 3)
    assert times[0] == 0


def test_saliency(run: Run, video: Path, tmp_path: Path) -> None:
    code, out, err = run("saliency", video, "-o", tmp_path / "maps", "--attributes", "hair,eyes", "--video")
    assert code == 0, err
    assert "sheet.png" in out
    folder = tmp_path / "maps" / "in"
    assert {p.name for p in folder.iterdir()} == {"hair", "eyes", "sheet.png", "overlay.mp4", "settings.json"}
    assert [p.name for p in sorted((folder / "hair").iterdir())] == [f"{t:06d}.png" for t in range(8)]
    picture, _ = read(folder / "eyes" / "000003.png")
    assert picture.shape == (1, 64, 96, 3)
    assert "exists" in complaint(run("saliency", video, "-o", tmp_path / "maps"))
    assert run("saliency", video, "-o", tmp_path / "maps", "--attributes", "leg", "--overwrite")[0] == 0
    assert {p.name for p in folder.iterdir()} == {"leg", "sheet.png", "settings.json"}


def test_saliency_goes_on_where_it_stopped(run: Run, video: Path, tmp_path: Path) -> None:
    drawing.write_image(tmp_path / "photo.jpg", textured(64, 96, np.random.default_rng(0)))
    call = ("-o", tmp_path / "maps", "--attributes", "hair", "--short-side", 128)
    assert run("saliency", video, *call)[0] == 0
    sheet = tmp_path / "maps" / "in" / "sheet.png"
    before = sheet.stat().st_mtime_ns
    assert "other settings" in complaint(run("saliency", video, *call[:2], "--attributes", "hair,eyes", "--resume"))
    code, out, _ = run("saliency", video, tmp_path / "photo.jpg", *call, "--resume")
    assert code == 0
    assert "in  (already exists)" in out
    assert sheet.stat().st_mtime_ns == before
    assert (tmp_path / "maps" / "photo" / "hair" / "000000.png").exists()


def test_export(run: Run, video: Path, tmp_path: Path) -> None:
    call = (
        "export",
        video,
        "-o",
        tmp_path / "steps",
        "--what",
        "flow,noise,mask",
        "--hide",
        "hair",
        "--short-side",
        64,
    )
    code, out, err = run(*call, "--filler", "motion_noise:grain=8", "--flow-format", "npz", "--end", 0.1)
    assert code == 0, err
    assert "sheet.png" in out
    folder = tmp_path / "steps" / "in"
    wanted = {"flow", "flow_colours", "noise", "mask", "sheet.png", "settings.json"}
    assert {p.name for p in folder.iterdir()} == wanted
    assert json.loads((folder / "settings.json").read_text())["preset"]["filler_options"]["grain"] == 8
    assert "exists" in complaint(run(*call))
    assert "other settings" in complaint(run(*call, "--resume"))
    again = run(*call, "--filler", "motion_noise:grain=8", "--flow-format", "npz", "--end", 0.1, "--resume")
    assert "already exists" in again[1]
    assert "depth" in complaint(run("export", video, "-o", tmp_path / "x", "--what", "depth"))


def test_template_commands(run: Run, tmp_path: Path, rng: np.random.Generator) -> None:
    picture = textured(192, 256, rng) // 3
    picture[76:116, 180:220] = 250
    drawing.write_image(tmp_path / "a.png", picture)
    assert run("template", "add", "logo", "--image", tmp_path / "a.png", "--point", "200,96")[0] == 0
    assert "exists" in complaint(
        run("template", "show", "logo", "--image", tmp_path / "a.png", "-o", tmp_path / "a.png")
    )
    code, out, _ = run("template", "show", "logo", "--image", tmp_path / "a.png", "-o", tmp_path / "show.png")
    assert code == 0
    assert float(out.split("maximum similarity ")[1].split()[0]) > 0.8
    assert read(tmp_path / "show.png")[0].shape[0] == 1
    assert re.search(r"^logo +yours +parts +a.png at 200,96$", run("template", "list")[1], re.MULTILINE)
    assert run("template", "export", tmp_path / "x.safetensors")[0] == 0
    assert run("template", "remove", "logo")[0] == 0
    assert "logo" in complaint(run("template", "remove", "logo"))
    assert "built in" in complaint(run("template", "remove", "hair"))
    assert run("template", "import", tmp_path / "x.safetensors")[0] == 0
    assert "already exist" in run("template", "import", tmp_path / "x.safetensors")[1]
    assert run("obfuscate", tmp_path / "a.png", "--hide", "logo")[0] == 0


def test_template_refusals(run: Run, tmp_path: Path, rng: np.random.Generator) -> None:
    image = tmp_path / "a.png"
    drawing.write_image(image, textured(96, 128, rng))
    assert "outside the image" in complaint(run("template", "add", "x", "--image", image, "--point", "128,5"))
    assert "does not exist" in complaint(run("template", "add", "x", "--image", tmp_path / "b.png", "--point", "1,5"))
    assert "already" in complaint(run("template", "add", "hair", "--image", image, "--point", "1,5"))
    assert "invalid template name" in complaint(
        run("template", "add", "person", "--image", image, "--point", "1,5", "--overwrite")
    )
    assert not (tmp_path / "library").exists()


def test_doctor(run: Run) -> None:
    code, out, _ = run("doctor")
    assert code == 0
    assert "openvino" in out
    assert "no telemetry" in out
    assert re.search(r"^DINO and RAFT run on +(openvino on .* in (bf16|f32)|torch on )", out, re.MULTILINE)


def make_bad(name: str, folder: Path) -> Path:
    """A source that cannot be used; `folder` holds the good video in.mp4."""
    path = folder / f"{name}.mp4"
    match name:
        case "empty":
            path.write_bytes(b"")
        case "text":
            path.write_text("hello " * 500)
        case "folder":
            path.mkdir()
        case "head":
            path.write_bytes((folder / "in.mp4").read_bytes()[:200])
    return path


@pytest.mark.parametrize("name", ["missing", "empty", "text", "folder", "head"])
@pytest.mark.parametrize("command", ["obfuscate", "saliency"])
def test_bad_inputs(name: str, command: str, run: Run, video: Path, tmp_path: Path) -> None:
    source = make_bad(name, tmp_path)
    before = sorted(tmp_path.rglob("*"))
    message = complaint(run(command, source, "-o", tmp_path / "out.mp4"))
    assert str(source) in message
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--hide", "hiar"], "hiar"),
        (["--thresholds", "0.5,0.4"], "rising"),
        (["--start", "90"], "90"),
        (["--margin", "3"], "margin"),
        (["--keyframe-every", "0"], "keyframes"),
        (["--quality", "99"], "quality"),
        (["--codec", "ffv1"], "ffv1"),
    ],
)
def test_bad_options(arguments: list[str], word: str, run: Run, video: Path, tmp_path: Path) -> None:
    assert word in complaint(run("obfuscate", video, "-o", tmp_path / "out.mp4", *arguments))
    assert not (tmp_path / "out.mp4").exists()


def test_an_output_that_exists_stays(run: Run, video: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.mp4"
    target.write_text("mine")
    assert "--overwrite" in complaint(run("obfuscate", video, "-o", target))
    assert target.read_text() == "mine"
    complaint(run("obfuscate", video, "-o", video, "--overwrite"))
    assert run("obfuscate", video, "-o", target, "--overwrite")[0] == 0
    assert target.read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize(
    "arguments",
    [[], ["a.mp4", "--bogus"], ["a.mp4", "--size", "7x5"], ["a.mp4", "--seed", "-1"], ["a.mp4", "--codec", "mp3"],
     ["a.mp4", "--thresholds", "0.5"], ["a.mp4", "-o", "-"], ["a.mp4", "-o", "x" * 300 + ".mp4"]],
)  # fmt: skip
def test_wrong_calls_get_one_line_too(
    arguments: list[str], run: Run, video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(video.parent)
    video.rename("a.mp4")
    complaint(run("obfuscate", *arguments))
    complaint(run("obfuscte"))
    assert [p.name for p in video.parent.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("name", ["100%.mp4", "50%d off.mp4", "what?.mp4", "ü b [1].mp4"])
def test_names_that_look_like_patterns(name: str, run: Run, video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(video.parent)
    video.rename(name)
    assert run("obfuscate", name, "--no-record")[0] == 0
    assert {p.name for p in video.parent.iterdir()} == {name, f"{Path(name).stem}_veiled.mp4"}


@pytest.mark.parametrize("folder", ["new/", "new", "deep/new"])
def test_a_folder_as_output_means_inside_it(folder: str, run: Run, video: Path, tmp_path: Path) -> None:
    assert run("obfuscate", video, "-o", f"{tmp_path}/{folder}", "--no-record")[0] == 0
    assert [p.name for p in (tmp_path / folder).iterdir()] == ["in.mp4"]
    assert run("obfuscate", video, "-o", tmp_path / "images", "--no-record", "--codec", "png")[0] == 0
    assert len(list((tmp_path / "images").iterdir())) == 8


def test_standard_input(video: Path, tmp_path: Path, rng: np.random.Generator) -> None:
    """An MP4 with its index at the end, as phones write them, and a format that streams."""
    stream = write(tmp_path / "s.mkv", np.stack([textured(64, 96, rng)] * 8))
    late = tmp_path / "late.mp4"
    late.write_bytes(index_at_the_end(video.read_bytes()))
    for source in (stream, late):
        target = tmp_path / f"{source.stem}_out.mp4"
        command = [sys.executable, "-m", "motionveil", "obfuscate", "-", "-o", str(target)]
        with source.open("rb") as file:
            done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert len(read(target)[0]) == 8


def index_at_the_end(data: bytes) -> bytes:
    """An MP4 with its boxes in the order ftyp, mdat, moov, and the offsets in moov corrected."""
    boxes, at = {}, 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4])
        boxes[data[at + 4 : at + 8]] = data[at : at + size]
        at += size
    moov = bytearray(boxes[b"moov"])
    at = moov.index(b"stco") + 8
    for entry in range(int.from_bytes(moov[at : at + 4])):
        place = at + 4 + 4 * entry
        moov[place : place + 4] = (int.from_bytes(moov[place : place + 4]) - len(moov)).to_bytes(4)
    return boxes[b"ftyp"] + b"".join(boxes[n] for n in boxes if n not in (b"ftyp", b"moov")) + bytes(moov)


def test_details_with_v(run: Run, tmp_path: Path) -> None:
    code, _, err = run("obfuscate", tmp_path / "none.mp4", "-v")
    assert code == 2
    assert "Traceback" in err


def _limit_file_size() -> None:
    import resource  # not on Windows

    resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))


def test_a_full_disk(video: Path, tmp_path: Path) -> None:
    """A limit on the size of files stands for a disk that fills up."""
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "motionveil", "obfuscate", str(video), "-o", str(tmp_path / "out" / "o.mkv")]
    done = subprocess.run(
        [*command, "--codec", "ffv1"], capture_output=True, text=True, preexec_fn=_limit_file_size, check=False
    )
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_leaves_nothing(number: signal.Signals, tmp_path: Path, rng: np.random.Generator) -> None:
    picture = textured(240, 320, rng)
    frames = np.stack([np.roll(picture, t, axis=1) for t in range(300)])
    source = write(tmp_path / "in.mp4", frames)
    (tmp_path / "out").mkdir()
    command = [
        sys.executable,
        "-m",
        "motionveil",
        "obfuscate",
        str(source),
        "-o",
        str(tmp_path / "out" / "o.mp4"),
        "--preview",
    ]
    # A shell lets what it starts in the background ignore interrupts, and so would what the tests start.
    listening = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    process = subprocess.Popen(
        [*command, "--speed", "veryslow"], stderr=subprocess.PIPE, text=True, preexec_fn=listening
    )
    deadline = time.monotonic() + 60
    while not any((tmp_path / "out").iterdir()):
        assert time.monotonic() < deadline
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "interrupted" in err
    assert list((tmp_path / "out").iterdir()) == []


def test_nothing_is_sent_anywhere(video: Path, tmp_path: Path) -> None:
    """The whole job without a network connection: any attempt to open one is noticed, also in threads.

    OpenVINO brings a telemetry package that reports at import unless it is kept out.
    """
    code = (
        "import socket, sys\n"
        "def refuse(*a, **k): print('NETWORK', a, file=sys.stderr); raise OSError('refused')\n"
        "socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = socket.create_connection = refuse\n"
        f"sys.argv = ['motionveil', 'obfuscate', {str(video)!r}, '-o', {str(tmp_path / 'o.mp4')!r}]\n"
        "from motionveil.cli import main\n"
        "try: main()\n"
        "finally: print('telemetry:', sys.modules.get('openvino_telemetry'), 'openvino' in sys.modules)\n"
    )
    environment = {**os.environ, "HOME": str(tmp_path / "home"), "CI": ""}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert "NETWORK" not in done.stderr
    assert "telemetry: None True" in done.stdout
    assert not (tmp_path / "home" / "intel").exists()


def test_a_folder_of_pictures_by_any_name(run: Run, video: Path, tmp_path: Path) -> None:
    for name in ("plain", "with/"):
        code, _, err = run("obfuscate", video, "-o", f"{tmp_path}/{name}", "--codec", "png", "--no-record")
        assert code == 0, err
        assert len(list((tmp_path / name).glob("*.png"))) == 8
