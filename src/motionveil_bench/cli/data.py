"""motionveil bench data"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from motionveil.cli.numbers import Whole
from motionveil.cli.options import Names
from motionveil.cli.terminal import say

from ..copies.measuring import dataset_statistics
from ..datasets import DATASETS, AnnotatedDataset, get_dataset
from ..datasets.checking import check
from ..datasets.page import write_page


def of_dataset(command: Callable[..., Any]) -> Callable[..., Any]:
    """NAME, --root, --annotations."""
    for option in (
        click.option("--annotations", type=click.Path(path_type=Path),
                     help="Folder with its split files. Default: as in the original archives, below --root."),
        click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder with the videos."),
        click.argument("name", type=click.Choice(list(DATASETS)), metavar="NAME"),
    ):  # fmt: skip
        command = option(command)
    return command


def sources_of(dataset: AnnotatedDataset) -> list[str]:
    """All sources of a dataset, each once."""
    return sorted({record.source for task in dataset.tasks for record in dataset.records(task)})


@click.group(name="data")
def command() -> None:
    """Check or browse a dataset."""


@command.command(name="check", epilog=f"NAME is one of {', '.join(DATASETS)}.")
@of_dataset
def check_command(name: str, root: Path, annotations: Path | None) -> int:
    """Report missing files and where to get them, and count clips per task and split.

    Exits with 1 if files are missing.
    """
    report = check(get_dataset(name, root, annotations))
    for line in report.lines():
        say(line)
    return 0 if report.is_complete else 1


@command.command(name="show", epilog=f"NAME is one of {', '.join(DATASETS)}.")
@of_dataset
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="HTML file to write.")
@click.option("--task", default="action", show_default=True, help="Task whose labels and splits to use.")
@click.option("--fold", type=Whole(0, 1000), default=0, show_default=True, help="Which of its splits.")
@click.option("--limit", type=Whole(1, 10_000), default=24, show_default=True, help="Number of clips.")
@click.option(
    "--hide", type=Names(), default="person", show_default=True, help="Templates or groups, separated by commas."
)
@click.option("--overwrite", is_flag=True, help="Overwrite an existing file.")
@click.option("-q", "--quiet", is_flag=True, help="Hide progress and summary.")
def show_command(name: str, root: Path, annotations: Path | None, output: Path, quiet: bool, **options: Any) -> int:
    """Write an HTML page with some clips of each class and split: frames, flow, saliency, noise, result.

    The page shows originals: protect it like the dataset.
    """
    dataset = get_dataset(name, root, annotations)
    bar: Any = tqdm(desc=name, unit=" clips", delay=2, disable=quiet or None, dynamic_ncols=True, leave=False)

    def tell(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        count = write_page(dataset, output, on_progress=tell, **options)
    if not quiet:
        say(f"{output}  ({count} clips; it shows originals: protect it like the dataset)")
    return 0


@command.command(name="statistics", epilog=f"NAME is one of {', '.join(DATASETS)}.")
@of_dataset
def statistics_command(name: str, root: Path, annotations: Path | None) -> int:
    """Measure the colours of a dataset, from which noise is drawn in Eq. 3 of the paper.

    Prints what a filler takes as its statistics.
    """
    videos = [root / source for source in sources_of(get_dataset(name, root, annotations))]
    found = dataset_statistics(tqdm(videos, desc=name, unit=" videos", delay=2, leave=False, disable=None))
    say(f'statistics = "{found.as_text()}"')
    return 0
