"""Tools that hide people: motionveil with any options, deface, and folders of what others made."""

from __future__ import annotations

import hashlib
import json
import os
import resource
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

import motionveil
from benchmarks.hidden_pixels import by_colour, by_pixels, recorded
from motionveil._core.atomic_files import remove
from motionveil._core.errors import InputError, MotionveilError
from motionveil._core.types import UInt8Array

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".mp4", ".mkv", ".avi", ".mov", ".webm", ".m4v", ".gif")
_GREEN = (0, 255, 0)


@dataclass(frozen=True)
class Cost:
    """What making an output took: seconds on the clock, seconds of processors, frames."""

    wall_s: float
    processor_s: float
    frames: int


@dataclass(frozen=True)
class Shown:
    """A frame, what became of it, and the states (H, W) of its pixels, see `hidden_pixels`."""

    index: int
    original: UInt8Array
    output: UInt8Array
    states: UInt8Array


class Tool(Protocol):
    """Makes or has an output of every clip."""

    name: str

    @property
    def truth(self) -> str:
        """How it is known which pixels are hidden."""
        ...

    def make(self, clips: Path, clip: str) -> Cost | None:
        """Make the output of clips/clip, if it is not there; what it took, where that is known."""
        ...

    def output(self, clip: str) -> Path | None:
        """Where the output of a clip is, None where there is none."""
        ...

    def states(self, clip: str, index: int, original: UInt8Array, output: UInt8Array) -> UInt8Array:
        """The states of a frame."""
        ...


def stem_of(clip: str) -> str:
    """What a clip's files are called: its path in clips/ without the suffix of a video."""
    return str(Path(clip).with_suffix("")) if Path(clip).suffix.lower() in SUFFIXES else clip


def key_of(clip: str) -> str:
    """The same as a file name."""
    return stem_of(clip).replace("/", "-")


def frames_at(source: Path, indices: Sequence[int]) -> Iterator[tuple[int, UInt8Array]]:
    """Frames of a video, picture or folder of pictures, by rising indices. Raises InputError where they are missing."""
    wanted = sorted(set(indices))
    place = 0
    with motionveil.open_source(source) as reader:
        for clip in reader:
            while place < len(wanted) and wanted[place] < clip.start + len(clip):
                yield wanted[place], clip.frames[wanted[place] - clip.start]
                place += 1
            if place == len(wanted):
                return
    raise InputError(f"{source} has no frame {wanted[place]}; give an output with all frames of the clip")


def count_frames(source: Path) -> int:
    """How many frames a source really has."""
    with motionveil.open_source(source) as reader:
        return sum(len(clip) for clip in reader)


def shown(tool: Tool, clips: Path, clip: str, indices: Sequence[int]) -> Iterator[Shown]:
    """Frames of a clip as a tool shows them.

    Raises InputError where the tool's output has no such frames, or another frame rate, so that indices say nothing.
    """
    output = tool.output(clip)
    if output is None:
        raise InputError(f"{tool.name} has no output for {clip}; make it, or leave the clip out with --clips")
    rates = [float(motionveil.probe(path).frame_rate) for path in (clips / clip, output) if path.is_file()]
    if len(rates) == 2 and abs(rates[0] / rates[1] - 1) > 0.01:
        raise InputError(f"{output} has {rates[1]:g} frames per second, the clip {rates[0]:g}; write it at that rate")
    if output == clips / clip:
        for index, frame in frames_at(output, indices):
            yield Shown(index, frame, frame, tool.states(clip, index, frame, frame))
        return
    for (index, before), (_, after) in zip(frames_at(clips / clip, indices), frames_at(output, indices), strict=True):
        if after.shape != before.shape:
            after = np.asarray(cv2.resize(after, before.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
        yield Shown(index, before, after, tool.states(clip, index, before, after))


@dataclass
class Folder:
    """What another tool made: DIR/<clip's path or stem>.<video suffix>, or a folder of images of that name."""

    name: str
    folder: Path
    truth = "pixels"

    def make(self, clips: Path, clip: str) -> Cost | None:
        return None

    def output(self, clip: str) -> Path | None:
        for stem in (stem_of(clip), Path(stem_of(clip)).name):
            base = self.folder / stem
            found = [base.with_name(base.name + suffix) for suffix in SUFFIXES]
            if not base.parent.is_dir():
                continue
            renamed = sorted(p for p in base.parent.iterdir() if p.stem.startswith(f"{base.name}_"))
            for path in (*found, base, *(p for p in renamed if p.suffix.lower() in SUFFIXES)):
                if path.is_file() or (path.is_dir() and any(path.iterdir())):
                    return path
        return None

    def states(self, clip: str, index: int, original: UInt8Array, output: UInt8Array) -> UInt8Array:
        return by_pixels(original, output)


class _Made:
    """Outputs that are made here, each once, with a note of what it took."""

    def __init__(self, name: str, options: str, work: Path, *, again: bool) -> None:
        self.name, self.options, self.again = name, shlex.split(options), again
        self.folder = work / "outputs" / name
        self.stale: list[str] = []
        """Clips whose outputs are there, and were made by other code than is there now."""

    def make(self, clips: Path, clip: str) -> Cost | None:
        self.folder.mkdir(parents=True, exist_ok=True)
        note = self.folder / f"{key_of(clip)}.json"
        if note.exists() and not self.again:
            kept = json.loads(note.read_text("utf-8"))
            if kept["settings"] != self._settings():
                raise MotionveilError(
                    f"{note.parent} holds outputs made by other options; give another name or folder, or --again"
                )
            if kept["code"] != self._code():
                self.stale.append(clip)
            return Cost(**kept["cost"])
        note.unlink(missing_ok=True)
        source = self._source(clips, clip)
        before, begin = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        done = subprocess.run(
            self._command(source, clip), env=self._environment(), capture_output=True, text=True, check=False
        )
        wall, after = time.monotonic() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        output = self.output(clip)
        if done.returncode or output is None:
            told = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"]
            raise MotionveilError(f"{self.name} failed on {clip} ({told[0]}); mend that, or leave it out with --clips")
        processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        cost = Cost(wall, processor, count_frames(output))
        note.write_text(json.dumps({"settings": self._settings(), "code": self._code(), "cost": asdict(cost)}) + "\n")
        return cost

    def output(self, clip: str) -> Path | None:
        path = self._target(clip)
        return path if path.is_file() else None

    def _target(self, clip: str) -> Path:
        return self.folder / f"{key_of(clip)}.mkv"

    def _settings(self) -> list[str]:
        return self.options

    def _code(self) -> str:
        return ""

    def _environment(self) -> dict[str, str] | None:
        return None

    def _source(self, clips: Path, clip: str) -> Path:
        return clips / clip

    def _command(self, source: Path, clip: str) -> list[str]:
        raise NotImplementedError


class Run(_Made):
    """motionveil with options of its command line. The opacity is recorded while the output is made."""

    def __init__(self, name: str, options: str, work: Path, *, again: bool = False, pixels: bool = False) -> None:
        super().__init__(name, options, work, again=again)
        if pixels:
            self.name = f"{name} (pixels)"
        self.pixels = pixels

    @property
    def truth(self) -> str:
        return "pixels" if self.pixels else "opacity"

    def _target(self, clip: str) -> Path:
        return self.folder / f"{key_of(clip)}.mp4"

    def record(self, clip: str) -> Path:
        """Where the opacity is kept."""
        return self.folder / f"{key_of(clip)}.opacity.zip"

    def states(self, clip: str, index: int, original: UInt8Array, output: UInt8Array) -> UInt8Array:
        return by_pixels(original, output) if self.pixels else recorded(self.record(clip), index)

    def _code(self) -> str:
        return code_digest()

    def _command(self, source: Path, clip: str) -> list[str]:
        for path in (self._target(clip), self.record(clip)):
            remove(path)
        script = str(ROOT / "benchmarks" / "recorded_obfuscation.py")
        target = ["-o", str(self._target(clip)), "-q"]
        return [sys.executable, script, str(self.record(clip)), "obfuscate", str(source), *target, *self.options]


class Deface(_Made):
    """deface with options of its command line.

    By default deface blurs the ellipse in a box; `--replacewith solid` would blacken the whole box. So it replaces by a
    green ellipse on nothing, stored without loss, and what is green is hidden: all that its blur would touch.
    """

    truth = "its ellipses"

    def __init__(self, name: str, options: str, work: Path, *, program: str = "deface", again: bool = False) -> None:
        super().__init__(name, options, work, again=again)
        self.program = program

    def states(self, clip: str, index: int, original: UInt8Array, output: UInt8Array) -> UInt8Array:
        return by_colour(output, _GREEN)

    def _source(self, clips: Path, clip: str) -> Path:
        """A folder of images is one film here, not so for deface."""
        source = clips / clip
        if not source.is_dir():
            return source
        film = self.folder / f"{key_of(clip)}.source.mkv"
        if not film.exists():
            with motionveil.open_source(source) as reader:
                encoding = motionveil.Encoding(codec="ffv1")
                with motionveil.VideoWriter(film, reader.info, encoding=encoding) as writer:
                    for frames in reader:
                        writer.write(frames)
        return film

    def _command(self, source: Path, clip: str) -> list[str]:
        ellipse = self.folder / "ellipse.png"
        if not ellipse.exists():
            picture = np.zeros((1024, 1024, 4), np.uint8)
            cv2.ellipse(picture, (512, 512), (511, 511), 0, 0, 360, (*_GREEN, 255), -1)
            ellipse.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
        lossless = json.dumps({"codec": "ffv1", "pixelformat": "bgr0", "macro_block_size": 1})
        shape = ["--replacewith", "img", "--replaceimg", str(ellipse), "--ffmpeg-config", lossless]
        return [self.program, str(source), "-o", str(self._target(clip)), *shape, *self.options]

    def _environment(self) -> dict[str, str] | None:
        return {**os.environ, "PYTHONPATH": ""}


@cache
def code_digest() -> str:
    """Of the package that makes outputs: its code and its embedded network."""
    folder = Path(motionveil.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]
