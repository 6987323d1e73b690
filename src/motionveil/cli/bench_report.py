"""motionveil bench report"""

from __future__ import annotations

from pathlib import Path

import click

from .terminal import say


@click.command(name="report")
@click.argument(
    "results", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="RESULTS.jsonl…"
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option(
    "--published/--no-published", default=True, show_default=True, help="Show what papers printed beside ours."
)
@click.option(
    "--video",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show on the page what the obfuscations make of this video; the page then shows the original.",
)
@click.option(
    "--learned",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Draw how the learned obfuscators below this folder were trained, and with --video what they make of it.",
)
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def command(
    results: tuple[Path, ...], output: Path, published: bool, video: Path | None, learned: Path | None, quiet: bool
) -> int:
    """Make every table and figure of rows of results: a page, Markdown, LaTeX, PDF and PNG.

    Files of an earlier report in OUTPUT are replaced, or removed where this one does not have them; no others are.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..bench.reports import write_report
    from ..bench.reports.learning import one_of_each, read_trainings
    from ..bench.reports.sheets import video_sheets
    from ..bench.reports.study import obfuscators_of, stand_ins_of
    from ..bench.results import read_rows

    rows = [row for path in results for row in read_rows(path)]
    datasets = {row.dataset for row in rows}
    dataset = datasets.pop() if len(datasets) == 1 else ""
    trainings = [] if learned is None else read_trainings(learned)
    known = {name: each.obfuscator for name, each in one_of_each(trainings).items()}
    sheets = (
        ()
        if video is None
        else video_sheets(video, obfuscators_of(rows), substitutes=stand_ins_of(rows), dataset=dataset, learned=known)
    )
    files = write_report(rows, output, published=published, sheets=sheets, trainings=trainings)
    if not quiet:
        say(f"{files[0]}  ({len(rows)} rows, {len(files)} files)")
    return 0
