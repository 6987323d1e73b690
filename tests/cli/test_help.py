"""Help, suggestions and shell completion of the command line."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path

import click
import pytest
from click.shell_completion import ShellComplete

import motionveil
from motionveil.cli import main
from motionveil.cli.audit import command as audit
from motionveil.cli.export import command as export
from motionveil.cli.groups import PanelCommand
from motionveil.cli.obfuscate import command as obfuscate
from motionveil.cli.remedies import OPTIONS, with_options
from motionveil.cli.root import root
from motionveil.cli.saliency import command as saliency
from motionveil.cli.weights import import_ as import_weights

PANELLED = [obfuscate, audit, saliency, export]


def complain(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    monkeypatch.setattr(sys, "argv", ["motionveil", *arguments])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code == 2
    return capsys.readouterr().err


def complete(*words: str) -> list[str]:
    """What the shell is offered for the last word."""
    shell = ShellComplete(root, {}, "motionveil", "_MOTIONVEIL_COMPLETE")
    return [
        item.type if item.type != "plain" else item.value for item in shell.get_completions([*words[:-1]], words[-1])
    ]


def test_ten_options_come_first() -> None:
    """An option that is new belongs into a panel, unless most people need it."""
    assert isinstance(obfuscate, PanelCommand)
    title, options = next(iter(obfuscate.panelled(click.Context(obfuscate)).items()))
    assert title == "Options"
    assert len(options) == 10
    assert {"output", "hide", "preview"} <= {option.name for option in options}


@pytest.mark.parametrize("command", PANELLED, ids=lambda c: c.name)
def test_every_option_is_in_one_panel(command: PanelCommand) -> None:
    context = click.Context(command, help_option_names=["-h", "--help"])
    shown = [option.name for options in command.panelled(context).values() for option in options]
    assert sorted(map(str, shown)) == sorted(
        str(p.name) for p in command.get_params(context) if isinstance(p, click.Option)
    )
    known = {name for parameter in command.get_params(context) for name in parameter.opts}
    assert {name for names in command.panels.values() for name in names} <= known
    text = command.get_help(context)
    assert text.index("Options:") < text.index("Input:") < text.index("General:")


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("obfuscat", "x.mp4"), "'obfuscate'"),
        (("bench", "reprt"), "'report'"),
        (("template", "lst"), "'list'"),
        (("obfuscate", "x.mp4", "--prevew"), "'--preview'"),
        (("obfuscate", "x.mp4", "--smalest-person", "3"), "'--smallest-person'"),
    ],
)
def test_wrong_names_get_a_suggestion(
    arguments: tuple[str, ...], meant: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    error = complain(monkeypatch, capsys, *arguments)
    assert "Did you mean" in error
    assert meant in error


def test_completion() -> None:
    assert complete("") == root.list_commands(click.Context(root))
    assert complete("ex") == ["export"]
    assert complete("bench", "r") == ["run", "report"]
    assert complete("obfuscate", "--prev") == ["--preview"]
    assert complete("obfuscate", "--preset", "pa") == ["paper", "paper_fast"]
    assert complete("obfuscate", "fi") == ["file"]
    assert complete("obfuscate", "film.mp4", "--mask", "m") == ["file"]
    assert complete("audit", "a") == ["file"]


@pytest.mark.parametrize(("former", "name", "value"), [
    ("--fill", "filler", "blur"), ("--detail", "short_side", "128"), ("--opacity", "thresholds", "0.1,0.3"),
])  # fmt: skip
def test_former_names_of_options_still_work(former: str, name: str, value: str) -> None:
    parent = click.Context(root, **root.context_settings)
    with obfuscate.make_context("obfuscate", ["in.mp4", former, value], parent=parent) as context:
        assert context.params[name]
    assert f"{former} " not in obfuscate.get_help(context)


def test_messages_name_parameters_and_the_command_line_its_options() -> None:
    assert with_options("a.mp4 exists; pass `overwrite=True`") == "a.mp4 exists; pass --overwrite"
    assert with_options('too large; choose `flow="dis"`') == "too large; choose --flow dis"
    assert with_options("a `b`.mp4 is missing") == "a `b`.mp4 is missing"
    used = set()
    for path in Path(motionveil.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Raise):
                used |= set(re.findall(r"`(\w+)(?:=[^`]*)?`", ast.unparse(node)))
    assert used <= set(OPTIONS)
    commands = [obfuscate, audit, import_weights]
    known = {name for command in commands for parameter in command.params for name in parameter.opts}
    assert set(OPTIONS.values()) <= known
