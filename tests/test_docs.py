"""The documentation's code runs, and its links lead somewhere."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import click
import numpy as np
import pytest

import motionveil
from motionveil import drawing
from motionveil.cli.root import root

from .conftest import ROOT, textured
from .pipeline.test_obfuscation import write

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


BLOCK = re.compile(r"^```(python|py)\n(.*?)^```", re.DOTALL | re.MULTILINE)
"""Blocks of ``py`` need weights or the network, and are not run."""


def _code_in(page: str) -> list[tuple[str, str]]:
    return BLOCK.findall((ROOT / "docs" / page).read_text("utf-8"))


@pytest.mark.parametrize(("page", "outputs"), [
    ("python.md", {"veiled.mp4", "veiled.mp4.json", "copy.mkv", "maps"}), ("reference.md", {"out.mp4", "negative.mp4"}),
])  # fmt: skip
def test_the_code_on_a_page_runs(
    page: str, outputs: set[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator
) -> None:
    monkeypatch.chdir(tmp_path)
    picture = textured(96, 128, rng)
    frames = np.stack([np.roll(picture, t, axis=1) for t in range(12)])
    write(tmp_path / "film.mp4", frames)
    drawing.write_image("frame.png", frames[0])
    names: dict[str, object] = {}
    blocks = [code for kind, code in _code_in(page) if kind == "python"]
    assert len(blocks) >= 10
    for block in blocks:
        exec(compile(block, f"docs/{page}", "exec"), names)
    assert outputs <= {p.name for p in tmp_path.iterdir()}


def test_every_public_name_has_an_example() -> None:
    code = "\n".join(code for page in ("python.md", "reference.md") for _, code in _code_in(page))
    assert not [name for name in motionveil.__all__ if f"motionveil.{name}" not in code]


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


def _commands_in(page: Path) -> list[str]:
    """The lines of shell blocks that call motionveil."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip().startswith("motionveil ")]


@pytest.mark.parametrize("page", [page for page in PAGES if _commands_in(page)], ids=lambda p: p.name)
def test_commands_can_be_called(page: Path) -> None:
    """Every command line in a shell block is understood; it is not run."""
    for line in _commands_in(page):
        arguments = shlex.split(line, comments=True)[1:]
        command: click.Command = root
        context = click.Context(root, info_name="motionveil")
        while isinstance(command, click.Group):
            name, found, arguments = command.resolve_command(context, arguments)
            assert found is not None, line
            command = found
        try:
            command.make_context(name, arguments, parent=context)
        except click.ClickException as error:
            pytest.fail(f"{line}: {error.format_message()}")


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
    for part in all_in(root):
        missing |= {o for p in part.params for o in p.opts if o.startswith("--") and o not in text}
    assert not missing - {"--quiet", "--output"}
    assert all(f"motionveil {name}" in text for name in root.list_commands(click.Context(root)))


def test_the_reference_has_every_public_name() -> None:
    text = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert sorted(re.findall(r"^::: motionveil\.(\w+)$", text, re.MULTILINE)) == sorted(motionveil.__all__)


def test_pre_commit_uses_the_tested_ruff() -> None:
    used = set(re.findall(r"ruff==([\d.]+)", (ROOT / ".pre-commit-config.yaml").read_text("utf-8")))
    assert used == set(re.findall(r"^ruff==([\d.]+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE))
