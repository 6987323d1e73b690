"""motionveil bench report"""

from __future__ import annotations

from pathlib import Path

import click

from .terminal import say


@click.command(name="report")
@click.argument(
    "results", nargs=-1, required=True, type=click.Path(path_type=Path, dir_okay=False), metavar="RESULTS.jsonl…"
)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Output folder.")
@click.option(
    "--published/--no-published", default=True, show_default=True, help="Show published figures next to ours."
)
@click.option(
    "--video",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show this video under each obfuscation. The page then shows the original.",
)
@click.option(
    "--learned",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Plot the training of the learned obfuscators in this folder, and with --video show their output.",
)
@click.option("-q", "--quiet", is_flag=True, help="Hide the summary.")
def command(
    results: tuple[Path, ...], output: Path, published: bool, video: Path | None, learned: Path | None, quiet: bool
) -> int:
    """Create all tables and figures from result rows: an HTML page, Markdown, LaTeX, PDF and PNG.

    Files of an earlier report in OUTPUT are overwritten or removed. Other files are left alone.
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
