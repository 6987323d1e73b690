"""motionveil audit"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..audit import Attackers, Audit, Training, audit_video
from ..errors import OptionError
from ..pipeline import Window
from ..printable import printable
from ..video import source_name
from .numbers import Number
from .options import Command, Names, make_window, source_of, window_options
from .terminal import say


class PersonFile(click.ParamType["tuple[str, str]"]):
    """NAME=FILE."""

    name = "NAME=FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        if isinstance(value, tuple):
            return value
        name, equals, path = value.partition("=")
        if not (name and equals and path):
            self.fail(f"{value!r} is not of the form NAME=FILE, for instance anna=anna.jpg", param, ctx)
        return name, path


_OPTIONS = (
    click.option("--face-weights", metavar="FILE", help="YuNet, to look for faces. Default: from the weights folder."),
    click.option("--detector", "detectors", multiple=True, metavar="FILE", help="A further detector of faces (ONNX)."),
    click.option(
        "--judge", "flow_weights", metavar="NAME|FILE", help="Weights of RAFT, as a further judge of the motion kept."
    ),
    click.option(
        "--person", "persons", type=PersonFile(), multiple=True,
        help="A picture or video of somebody who may be in it; at least one who is not is needed to ask who it is.",
    ),
    click.option("--shows", metavar="NAME", help="Which of the persons given is in the original."),
    click.option("--embedding", "embeddings", multiple=True, metavar="FILE", help="A network that knows faces (ONNX)."),
    click.option(
        "--train-on", multiple=True, metavar="VIDEO",
        help="Another video, best many, from which an attacker learns to undo the method; takes some minutes.",
    ),
    click.option("--train-seconds", type=Number(1, 1e6), default=180.0, show_default=True,
                 help="How long that attacker learns, and its floor again."),
)  # fmt: skip


def attacker_options(command: Command) -> Command:
    """What attackers have: what `take_attackers` takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def take_attackers(options: dict[str, Any]) -> Attackers:
    """Take the options of `attacker_options` out of a dictionary."""
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
        training=Training(seconds=options.pop("train_seconds")),
    )


@click.command(name="audit")
@click.argument("original")
@click.argument("output")
@click.option("-o", "--output", "directory", required=True, help="Folder for report.html and report.json.")
@click.option(
    "--hide", type=Names(), help="What was to be hidden. Default: what the record beside OUTPUT says, else person."
)
@attacker_options
@window_options
@click.option("--pictures/--no-pictures", default=True, show_default=True, help="Whether the page shows the original.")
@click.option("--overwrite", is_flag=True, help="Replace a report that exists.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def command(original: str, output: str, directory: str, hide: Sequence[str] | None, **options: Any) -> int:
    """Attack an output as others may, and say how much came back.

    ORIGINAL is what OUTPUT was made from: video files, pictures, or folders of images. The report shows the original
    unless --no-pictures is given: keep it as safe.
    """
    quiet, pictures, overwrite = (options.pop(key) for key in ("quiet", "pictures", "overwrite"))
    window = make_window(options)
    for source in (original, output):
        if isinstance(source_of(source), int):
            raise OptionError("cameras cannot be audited; give the files")
    run_audit(
        original, output, directory, hide=hide, attackers=take_attackers(options), pictures=pictures,
        overwrite=overwrite, quiet=quiet, window=None if window == Window() else window,
    )  # fmt: skip
    return 0


def run_audit(original: str, output: str | Path, directory: str | Path, *, quiet: bool, **options: Any) -> Audit:
    """`audit_video` with its steps and its verdict on the terminal."""
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
            say("  the page shows the original: keep it as safe as the original")
    return audit
