"""The documentation's code runs, and its links lead somewhere."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import click
import numpy as np
import pytest

from motionveil import drawing
from motionveil.cli.root import COMMANDS

from .conftest import ROOT, textured
from .test_pipeline import write

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])


def test_the_python_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    monkeypatch.chdir(tmp_path)
    picture = textured(96, 128, rng)
    frames = np.stack([np.roll(picture, t, axis=1) for t in range(12)])
    write(tmp_path / "film.mp4", frames)
    drawing.write_image("frame.png", frames[0])
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "python.md").read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 10
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert {"veiled.mp4", "veiled.mp4.json", "copy.mkv", "maps"} <= {p.name for p in tmp_path.iterdir()}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text("utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_to_headings_lead_to_one(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#:]*)#([^)]+)\)", page.read_text("utf-8")):
        text = ((page.parent / target) if target else page).read_text("utf-8")
        titles = {
            re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", text, re.M)
        }
        assert heading in titles, (target, heading)


def test_every_option_is_documented() -> None:
    text = (ROOT / "docs" / "command_line.md").read_text("utf-8")

    def all_in(command: click.Command) -> list[click.Command]:
        if not isinstance(command, click.Group):
            return [command]
        parts = [
            command.get_command(click.Context(command), name) for name in command.list_commands(click.Context(command))
        ]
        return [found for part in parts if part is not None for found in all_in(part)]

    missing = set()
    for name in COMMANDS:
        command = import_module(f"motionveil.cli.{COMMANDS[name][0]}").command
        for part in all_in(command):
            missing |= {o for p in part.params for o in p.opts if o.startswith("--") and o not in text}
    assert not missing - {"--quiet", "--output"}
    assert all(f"motionveil {name}" in text for name in COMMANDS)
