"""motionveil bench data"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..bench.datasets import DATASETS, get_dataset
from ..bench.datasets.checking import check
from ..bench.datasets.page import write_page
from .numbers import Whole
from .options import Names
from .terminal import say


def _of_dataset(command: Callable[..., Any]) -> Callable[..., Any]:
    """NAME, --root, --annotations."""
    for option in (
        click.option("--annotations", type=click.Path(path_type=Path),
                     help="Folder of its split files. Default: where the original archives have them, below --root."),
        click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder of the videos."),
        click.argument("name", type=click.Choice(list(DATASETS)), metavar="NAME"),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group(name="data")
def command() -> None:
    """Check a dataset, or leaf through it."""


@command.command(name="check", epilog=f"NAME is one of {', '.join(DATASETS)}.")
@_of_dataset
def check_command(name: str, root: Path, annotations: Path | None) -> int:
    """Say which files of a dataset are missing and where it comes from, and count its clips per task and split.

    Ends with 1 where files are missing.
    """
    report = check(get_dataset(name, root, annotations))
    for line in report.lines():
        say(line)
    return 0 if report.is_complete else 1


@command.command(name="show", epilog=f"NAME is one of {', '.join(DATASETS)}.")
@_of_dataset
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The HTML file.")
@click.option("--task", default="action", show_default=True, help="Whose labels and splits.")
@click.option("--fold", type=Whole(0, 1000), default=0, show_default=True, help="Which of its splits.")
@click.option("--limit", type=Whole(1, 10_000), default=24, show_default=True, help="How many clips.")
@click.option("--hide", type=Names(), default="person", show_default=True, help="Templates or groups, with commas.")
@click.option("--overwrite", is_flag=True, help="Replace a file that exists.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def show_command(name: str, root: Path, annotations: Path | None, output: Path, quiet: bool, **options: Any) -> int:
    """Write a page with some clips of each class and split: frames, flow, saliency, noise, result.

    It shows originals: keep it as safe as the dataset.
    """
    dataset = get_dataset(name, root, annotations)
    bar: Any = tqdm(desc=name, unit=" clips", delay=2, disable=quiet or None, dynamic_ncols=True, leave=False)

    def tell(done: int, total: int) -> None:
        bar.total = total
        bar.update(done - bar.n)

    with bar:
        count = write_page(dataset, output, on_progress=tell, **options)
    if not quiet:
        say(f"{output}  ({count} clips; it shows originals: keep it as safe as the dataset)")
    return 0
