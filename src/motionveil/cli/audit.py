"""motionveil audit"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from .._core.errors import OptionError
from .._core.printable import printable
from ..audit import Attackers, AttackerTraining, Audit, audit_video
from ..pipeline.runner import Window
from ..video import source_name
from .completion import complete_files
from .groups import GENERAL, PanelCommand
from .numbers import Number
from .options import INPUT_PANEL, Command, Names, make_window, source_of, window_options
from .terminal import say


class PersonFile(click.ParamType["tuple[str, str]"]):
    """A pair NAME=FILE."""

    name = "NAME=FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            self.fail(f"{value!r} is not of the form NAME=FILE, such as anna=anna.jpg", param, ctx)
        return name, path


_OPTIONS = (
    click.option("--face-weights", metavar="FILE",
                 help="YuNet weights, for face detection. Default: from the weights folder."),
    click.option("--detector", "detectors", multiple=True, metavar="FILE",
                 help="Additional face detector (ONNX). Repeatable."),
    click.option(
        "--flow-weights", metavar="NAME|FILE", help="RAFT weights, for a second measure of the motion kept."
    ),
    click.option(
        "--person", "persons", type=PersonFile(), multiple=True,
        help="Image or video of a person who may be shown; identification needs at least one who is not. Repeatable.",
    ),
    click.option("--shows", metavar="NAME", help="Which --person the original shows."),
    click.option("--embedding", "embeddings", multiple=True, metavar="FILE",
                 help="Face recognition network (ONNX). Repeatable."),
    click.option(
        "--train-on", multiple=True, metavar="VIDEO",
        help="Another video, ideally of many, from which an attacker learns to reverse the method; takes minutes. "
        "Repeatable.",
    ),
    click.option("--train-seconds", type=Number(1, 1e6), default=180.0, show_default=True,
                 metavar="SECONDS", help="Training time of that attacker; its baseline takes as long again."),
)  # fmt: skip


def attacker_options(command: Command) -> Command:
    """Add the options of the attackers, which `take_attackers` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_attackers(options: dict[str, Any]) -> Attackers:
    """Remove the options of `attacker_options` from a dictionary, and build the attackers from them."""
    from ..audit.detectors import ONNXDetector
    from ..audit.identification import ONNXEmbedding

    persons: dict[str, list[str]] = {}
    for name, path in options.pop("persons"):
        persons.setdefault(name, []).append(path)
    return Attackers(
        face_weights=options.pop("face_weights"),
        detectors=[ONNXDetector(path) for path in options.pop("detectors")],
        flow_weights=options.pop("flow_weights"),
        persons=persons,
        shows=options.pop("shows"),
        embeddings=[ONNXEmbedding(path) for path in options.pop("embeddings")],
        train_on=options.pop("train_on"),
        training=AttackerTraining(seconds=options.pop("train_seconds")),
    )


_PANELS = {
    **INPUT_PANEL,
    "Attackers": (
        "--face-weights", "--detector", "--person", "--shows", "--embedding", "--train-on", "--train-seconds",
        "--flow-weights",
    ),
    **GENERAL,
}  # fmt: skip


@click.command(name="audit", cls=PanelCommand, panels=_PANELS)
@click.argument("original", shell_complete=complete_files)
@click.argument("output", shell_complete=complete_files)
@click.option("-o", "--output", "directory", required=True, help="Folder for report.html and report.json.")
@click.option(
    "--hide", type=Names(), help="What was to be hidden. Default: as recorded in OUTPUT.json, otherwise person."
)
@attacker_options
@window_options
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Show the original in the report.")
@click.option("--overwrite", is_flag=True, help="Overwrite an existing report.")
@click.option("-q", "--quiet", is_flag=True, help="Hide progress and summary.")
def command(original: str, output: str, directory: str, hide: Sequence[str] | None, **options: Any) -> int:
    """Attack an output as an adversary would, and report how much could be recovered.

    OUTPUT was made from ORIGINAL: video files, images, or folders of images. The report shows the original unless
    --no-pictures is given: protect it like the original.
    """
    quiet, pictures, overwrite = (options.pop(key) for key in ("quiet", "pictures", "overwrite"))
    window = make_window(options)
    for source in (original, output):
        if isinstance(source_of(source), int):
            raise OptionError("cameras cannot be audited; give files")
    run_audit(
        original, output, directory, hide=hide, attackers=take_attackers(options), pictures=pictures,
        overwrite=overwrite, quiet=quiet, window=None if window == Window() else window,
    )  # fmt: skip
    return 0


def run_audit(original: str, output: str | Path, directory: str | Path, *, quiet: bool, **options: Any) -> Audit:
    """Run `audit_video`, with progress and verdict on the terminal."""
    bar: Any = tqdm(
        total=100, desc=printable(source_name(output)), delay=2, disable=quiet or None, dynamic_ncols=True, leave=False,
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}",
    )  # fmt: skip

    def tell(step: str, share: float) -> None:
        bar.set_description_str(f"{printable(source_name(output))}: {step}", refresh=False)
        bar.update(round(100 * share) - bar.n)

    with bar:
        audit = audit_video(original, output, directory, on_progress=tell, **options)
    if not quiet:
        say(f"{Path(directory) / 'report.html'}  {audit.report['verdict']['headline']}")
        for reason in audit.report["verdict"]["reasons"]:
            if reason["level"] in ("leak", "weak"):
                say(f"  {reason['level']}: {reason['text']}")
        if audit.pictures:
            say("  the report shows the original: protect it like the original")
    return audit
