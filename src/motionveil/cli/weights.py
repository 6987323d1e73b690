"""motionveil weights"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from tqdm import tqdm

from ..errors import WeightsError
from ..weights import (
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
    """Bring weights of further networks here, and check them. Nothing is fetched unless you ask for it."""


class _Bar:
    """Bytes, speed and time left on the terminal, for a download that takes longer than a second."""

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
    """List all weights: licence, size, whether they are here (by their size; verify reads them)."""
    for weights in WEIGHTS.values():
        path = locate(weights)
        state = "absent" if path is None else "present" if looks_right(weights, path) else "mismatch"
        what = f"{weights.name:<24}{weights.licence:<14}{weights.megabytes:>7}"
        say(f"{what}  {state:<10}{path or weights.description}")
    say("Licences are those of the weights. What they were trained on has terms of its own:")
    for data in dict.fromkeys(weights.data for weights in WEIGHTS.values()):
        say(f"  {data}: {', '.join(weights.name for weights in WEIGHTS.values() if weights.data == data)}")


@command.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME…")
@click.option("--overwrite", is_flag=True, help="Replace a file that is here.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
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
@click.option("--name", help="Which weights these are; otherwise the file's name or its sha256 tells.")
@click.option("--overwrite", is_flag=True, help="Replace a file that is here.")
def import_(file: Path, name: str | None, overwrite: bool) -> None:
    """Copy a file from elsewhere into the weights folder, checked."""
    say(import_weights(file, name, overwrite=overwrite))


@command.command()
@click.argument("names", nargs=-1, metavar="[NAME…]")
def verify(names: tuple[str, ...]) -> int:
    """Read weights again and compare them: those named, or all that are here. Exits with 2 where one is another."""
    chosen = [get_weights(name) for name in names] or [weights for weights in WEIGHTS.values() if locate(weights)]
    if not chosen:
        say(f"no weights in {weights_folders()[0]}; see what there is with: motionveil weights list")

    def work(weights: Weights) -> None:
        path = locate(weights)
        if path is None:
            raise WeightsError(f"{weights.name} is not here; fetch it with: motionveil weights fetch {weights.name}")
        compared = verify_weights(weights, path)
        state = "as it was published" if weights.sha256 else "unchanged since it came; nobody has published a sha256"
        if not compared:
            state = "nothing to compare it with; record it with: motionveil weights import"
        say(f"{weights.name:<24}{state}  {path}")

    return each(chosen, work)
