"""Values that make no sense, for every option of every command: one sentence, never a traceback."""

from __future__ import annotations

import random
import signal
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import numpy as np
import pytest

from motionveil import drawing
from motionveil.cli import main
from motionveil.cli.root import root

from ..conftest import textured

NUMBERS = (
    "nan", "-nan", "inf", "-inf", "1e400", "-1e400", "1e308", "1e-320", "-1", "0", "99999999999", "9" * 400, "9" * 5000,
    "0x10", "1_0", "٣", "½", "1,", "1,nan", "nan,nan", "inf,1", "1e99,1e99", "0x0", "8x9999999999999999999",
)  # fmt: skip
TEXTS = (
    "abc", "", " ", "%s", "%", "%n%n", "\udcff", "\x1b[31mred", "a\nb", "../../..", "/", "/dev/null", "nul", "~", "*",
    "rect:nan,0,1,1", "rect:0,0,inf,1", "rect:0,0,1,1@nan-", "polygon:0,0,1,1,nan,2", "camera:99999999999999999999",
    "motion_noise:grain=abc", "motion_noise:seed=-1", "motion_noise:seed=3", "motion_noise:frames=1",
    "motion_noise:name=x", "motion_noise:self=1", "motion_noise:transport=9", "motion_noise:grain=nan",
    "motion_noise:statistics=1", "blur:sigma=nan", "blur:sigma=1e999", "blur:kernel=x", "pixelate:cell=inf",
    "solid:colour=3", "iid_noise:statistics=3", "resample:short_side=abc", "inpaint:short_side=nan",
    "static_noise:grain=abc", "resample:interpolation=1", "é" * 3000,
)  # fmt: skip
BASES: dict[str, tuple[str, ...]] = {
    "obfuscate": ("a.png", "-o", "out.png", "--overwrite", "--short-side", "128"),
    "saliency": ("a.png", "-o", "maps", "--overwrite", "--short-side", "128"),
    "export": ("a.png", "-o", "steps", "--overwrite", "--what", "mask", "--short-side", "128"),
    "audit": ("a.png", "none.png", "-o", "report", "--overwrite"),
    "template add": ("x", "--image", "a.png", "--point", "5,5", "--overwrite", "--short-side", "128"),
    "template find": ("hair", "--image", "a.png", "--overwrite"),
    "template show": ("hair", "--image", "a.png", "--overwrite", "--short-side", "128"),
    "template remove": ("x",),
    "template import": ("none.safetensors",),
    # What is missing is said before a server starts.
    "studio": ("missing.mp4", "--no-browser", "--workspace", "work"),
    "template export": ("x.safetensors", "--overwrite"),
    "weights import": ("a.png",),
    "bench run": ("e.toml", "--root", "root", "--dry-run"),
    "bench learn": ("e.toml", "--root", "root", "-o", "learned", "--dry-run"),
    "bench search": ("e.toml", "--root", "root", "-o", "s.toml"),
    "bench report": ("rows.jsonl", "-o", "report"),
    "bench data check": ("kth", "--root", "root"),
    "bench data statistics": ("kth", "--root", "root"),
    "bench export": ("kth", "--root", "root", "-o", "steps"),
    "bench saliency": ("kth", "--root", "root", "-o", "maps"),
    "bench data show": ("kth", "--root", "root", "-o", "page.html"),
}
"""Calls that are right but for the option that is added to them."""
SECONDS = 20


def options_of(group: click.Group, names: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Option]]:
    """(command, option) for all that take a value."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from options_of(command, (*names, name))
        else:
            for option in command.params:
                if isinstance(option, click.Option) and not option.is_flag:
                    yield " ".join((*names, name)), option


def test_every_number_has_bounds() -> None:
    """click's own types let nan and infinity through, and words of thousands of digits into messages."""
    own = (click.types.FloatParamType, click.types.IntParamType)
    assert not [(name, option.name) for name, option in options_of(root) if isinstance(option.type, own)]


def test_every_command_is_tried() -> None:
    assert {name for name, _ in options_of(root)} - set(BASES) == set()


def _too_late(number: int, frame: types.FrameType | None) -> None:
    raise TimeoutError


@pytest.fixture
def call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, rng: np.random.Generator
) -> Callable[..., tuple[int, str]]:
    """The command in a folder of its own; gives the exit code and everything that was printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOTIONVEIL_TEMPLATES", str(tmp_path / "mine.safetensors"))
    drawing.write_image(tmp_path / "a.png", textured(64, 96, rng))
    (tmp_path / "root").mkdir()
    (tmp_path / "e.toml").write_text('dataset = "kth"\ntasks.action = ["x3d_s"]\n')

    def call(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["motionveil", *arguments])
        signal.signal(signal.SIGALRM, _too_late)
        signal.alarm(SECONDS)
        try:
            with pytest.raises(SystemExit) as done:
                main()
        finally:
            signal.alarm(0)
        captured = capsys.readouterr()
        return int(done.value.code or 0), captured.out + captured.err

    return call


def tries(count: int) -> list[tuple[str, str, str]]:
    """(command, option, value), the same for every run: every value at least once where there is room."""
    generator = random.Random(14)
    pairs = [(name, max(option.opts, key=len), option) for name, option in options_of(root)]
    numeric = [pair for pair in pairs if not isinstance(pair[2].type, click.Choice | click.Path)]
    fillers = [pair for pair in pairs if pair[1] == "--filler"]
    found: list[tuple[str, str, str]] = []
    while len(found) < count:
        for value in generator.sample((*NUMBERS, *TEXTS), len(NUMBERS) + len(TEXTS)):
            among = fillers if "=" in value else numeric if value in NUMBERS else pairs
            name, option, _ = generator.choice(among)
            # --size 8192x8192 makes sense; it only takes long.
            found.append((name, option, value))
    return found[:count]


def check(call: Callable[..., tuple[int, str]], triples: list[tuple[str, str, str]]) -> None:
    wrong = []
    for name, option, value in triples:
        code, printed = call(*name.split(), *BASES[name], option, value)
        lines = [line for line in printed.splitlines() if line.startswith("motionveil: error: ")]
        if (
            code not in (0, 1, 2)
            or (code == 2 and not lines)
            or "Traceback" in printed
            or "internal error" in printed
            or "\x1b" in printed
            or any(len(line) > 2100 for line in lines)
        ):
            wrong.append((name, option, value[:60], code, printed[-400:]))
    assert not wrong


def test_some_absurd_values(call: Callable[..., tuple[int, str]]) -> None:
    check(call, tries(40))


def test_the_calls_are_right_without_it(call: Callable[..., tuple[int, str]]) -> None:
    for name in ("obfuscate", "saliency", "export", "template add", "template show"):
        assert call(*name.split(), *BASES[name])[0] in (0, 1), name


@pytest.mark.slow
def test_three_hundred_absurd_values(call: Callable[..., tuple[int, str]]) -> None:
    check(call, tries(600)[40:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("obfuscate", "a.png", "--start", "nan"), "--start"),
        (("obfuscate", "a.png", "--end", "1e400"), "--end"),
        (("saliency", "a.png", "-o", "m", "--image-rate", "nan"), "--image-rate"),
        (("template", "add", "x", "--image", "a.png", "--point", "5,5", "--time", "inf"), "--time"),
        (("bench", "run", "e.toml", "--root", "root", "--threads", "99999999999"), "--threads"),
        (("bench", "run", "e.toml", "--root", "root", "--threads", "0"), "--threads"),
        (("bench", "run", "e.toml", "--root", "root", "--memory", "nan"), "--memory"),
        (("obfuscate", "a.png", "--filler", "motion_noise:grain=abc"), "grain='abc'"),
        (("obfuscate", "a.png", "--filler", "motion_noise:seed=3"), "--seed"),
        (("export", "a.png", "-o", "x", "--filler", "motion_noise:seed=3"), "--seed"),
        (("obfuscate", "a.png", "--grain", "5", "--filler", "motion_noise:grain=4"), "grain is given"),
    ],
)
def test_one_sentence_names_what_is_wrong(
    arguments: tuple[str, ...], words: str, call: Callable[..., tuple[int, str]]
) -> None:
    code, printed = call(*arguments)
    assert code == 2
    assert len(printed.splitlines()) == 1
    assert words in printed
