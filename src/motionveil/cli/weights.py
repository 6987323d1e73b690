"""motionveil weights"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from .._core.errors import WeightsError
from ..models.weights import (
    WEIGHTS,
    Weights,
    fetch_weights,
    get_weights,
    import_weights,
    locate,
    looks_right,
    verify_weights,
    weights_folders,
)
from .options import each
from .terminal import say


@click.group(name="weights")
def command() -> None:
    """Download and verify weights of optional networks. Nothing is downloaded unless you ask for it."""


class _Bar:
    """Bytes, speed and remaining time on the terminal, for downloads of more than a second."""

    def __init__(self, name: str, *, quiet: bool) -> None:
        self._bar: Any = tqdm(
            desc=name, unit="B", unit_scale=True, delay=1, disable=quiet or None, dynamic_ncols=True, leave=False
        )

    def __call__(self, done: int, total: int | None) -> None:
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.close()


@command.command("list")
def list_() -> None:
    """List all weights: licence, size, and whether they are present (judged by file size; see verify)."""
    for weights in WEIGHTS.values():
        path = locate(weights)
        state = "absent" if path is None else "present" if looks_right(weights, path) else "mismatch"
        what = f"{weights.name:<24}{weights.licence:<14}{weights.megabytes:>7}"
        say(f"{what}  {state:<10}{path or weights.description}")
    say("These licences cover the weights. Their training data has terms of its own:")
    for data in dict.fromkeys(weights.data for weights in WEIGHTS.values()):
        say(f"  {data}: {', '.join(weights.name for weights in WEIGHTS.values() if weights.data == data)}")


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--overwrite", is_flag=True, help="Overwrite an existing file.")
@click.option("-q", "--quiet", is_flag=True, help="Hide progress and summary.")
def fetch(names: tuple[str, ...], overwrite: bool, quiet: bool) -> int:
    """Download weights from where their authors publish them."""
    chosen = [get_weights(name) for name in names]

    def work(weights: Weights) -> None:
        with _Bar(weights.name, quiet=quiet) as bar:
            path = fetch_weights(weights, overwrite=overwrite, on_progress=bar)
        if not quiet:
            say(f"{path}  ({weights.licence}; trained on {weights.data})")

    return each(chosen, work)


@command.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--name", help="Name of the weights. Default: determined from the file name or sha256.")
@click.option("--overwrite", is_flag=True, help="Overwrite an existing file.")
def import_(file: Path, name: str | None, overwrite: bool) -> None:
    """Verify a file, and copy it into the weights folder."""
    say(import_weights(file, name, overwrite=overwrite))


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
def verify(names: tuple[str, ...]) -> int:
    """Verify checksums of the named weights, or of all that are present. Exits with 2 on a mismatch."""
    chosen = [get_weights(name) for name in names] or [weights for weights in WEIGHTS.values() if locate(weights)]
    if not chosen:
        say(f"no weights in {weights_folders()[0]}; list available ones with: motionveil weights list")

    def work(weights: Weights) -> None:
        path = locate(weights)
        if path is None:
            raise WeightsError(f"{weights.name} is missing; fetch it with: motionveil weights fetch {weights.name}")
        compared = verify_weights(weights, path)
        state = (
            "matches the published sha256" if weights.sha256 else "unchanged since download; no sha256 was published"
        )
        if not compared:
            state = "no known sha256; record it with: motionveil weights import"
        say(f"{weights.name:<24}{state}  {path}")

    return each(chosen, work)
