"""motionveil bench report"""

from __future__ import annotations

from pathlib import Path

import click


@click.command(name="report")
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESULTS.jsonl…")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option("--published/--no-published", default=True, show_default=True, help="Show what papers printed beside ours.")
@click.option("-q", "--quiet", is_flag=True, help="No summary.")
def command(results: tuple[Path, ...], output: Path, published: bool, quiet: bool) -> int:
    """Make every table and figure of rows of results: a page, Markdown, LaTeX, PDF and PNG.

    Files of an earlier report in OUTPUT are replaced.
    """
    from ..bench.reports import write_report
    from ..bench.results import read_rows

    rows = [row for path in results for row in read_rows(path)]
    files = write_report(rows, output, published=published)
    if not quiet:
        click.echo(f"{files[0]}  ({len(rows)} rows, {len(files)} files)")
    return 0
