"""motionveil bench run"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from tqdm import tqdm

from .numbers import Number, Whole
from .terminal import say

if TYPE_CHECKING:
    from ..bench.experiment import Experiment
    from ..bench.running import Places, Step

Command = TypeVar("Command", bound=Callable[..., Any])


def experiment_options(command: Command) -> Command:
    """What all commands that train and judge the networks of an experiment take."""
    for option in (
        click.option("--attribute-annotations", type=click.Path(path_type=Path),
                     help="Folder with the split files of that dataset."),
        click.option("--attribute-root", type=click.Path(path_type=Path),
                     help="Folder of the dataset that attributes are learned from, if a different one."),
    ):  # fmt: skip
        command = option(command)
    return dataset_options(command)


def dataset_options(command: Command) -> Command:
    """What all commands that work on one dataset of an experiment take."""
    for option in (
        click.option("-q", "--quiet", is_flag=True, help="Hide progress."),
        click.option("--memory", type=Number(0.1, 1e6), default=3.0, show_default=True,
                     metavar="GIB", help="Memory for decoded clips when the disk is full."),
        click.option("--threads", type=Whole(1, 1024),
                     help="Threads for networks; use 1 when several processes share the work."),
        click.option("--work", type=click.Path(path_type=Path), default="bench_work", show_default=True,
                     help="Folder for obfuscated copies, decoded clips and trained networks; safe to delete."),
        click.option("--dataset", metavar="NAME", help="Use this dataset instead of the one in the experiment."),
        click.option("--annotations", type=click.Path(path_type=Path),
                     help="Folder with its split files. Default: as in the original archives, below --root."),
        click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder of the dataset."),
        click.argument("experiment", type=click.Path(path_type=Path, dir_okay=False)),
    ):  # fmt: skip
        command = option(command)
    return command


def places_of(options: dict[str, Any], experiment: Experiment) -> Places:
    """Folders and files, from the options."""
    from ..bench.running import Places

    results = options.get("results") or Path("results") / f"{experiment.name}.jsonl"
    names = ("root", "annotations", "work", "attribute_root", "attribute_annotations")
    return Places(results=results, **{name: options[name] for name in names})


@click.command(name="run")
@experiment_options
@click.option(
    "--results", type=click.Path(path_type=Path), help="File to append result rows to. Default: results/NAME.jsonl."
)
@click.option("--only", multiple=True, metavar="OBFUSCATOR", help="Only this obfuscator. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Report how much is left to do, with an estimate of the time.")
def command(experiment: Path, **options: Any) -> int:
    """Run or resume EXPERIMENT, a TOML file.

    Rows are appended to the results. An interrupted run resumes where it stopped. Run the command in several terminals
    to share the work.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..bench.estimating import estimate
    from ..bench.experiment_file import read_experiment
    from ..bench.running import Benchmark

    chosen = read_experiment(experiment, dataset=options["dataset"]).only(options["only"])
    places = places_of(options, chosen)
    benchmark = Benchmark(chosen, places, memory=options["memory"], threads=options["threads"])
    if options["dry_run"]:
        for line in estimate(benchmark).lines():
            say(line)
        return 0
    try:
        with StepBar(quiet=options["quiet"]) as bar:
            benchmark.run(bar)
    except KeyboardInterrupt:
        say("motionveil: interrupted; run the same command again to resume", error=True)
        return 130
    if not options["quiet"]:
        say(f"{places.results}  (tables and figures: motionveil bench report {places.results} -o report)")
    return 0


class StepBar:
    """What is done of what: on a terminal as it changes, elsewhere a line for every obfuscator and every tenth."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = tqdm(
            disable=quiet or None, dynamic_ncols=True, leave=False,
            bar_format="{desc}: {n_fmt}/{total_fmt}{postfix}, {elapsed}<{remaining}",
        )  # fmt: skip
        self._part: tuple[str, int | str] = ("", 0)

    def __call__(self, step: Step) -> None:
        name = f"{step.what} {step.detail}" if step.what == "obfuscating" else step.what
        detail = f" {step.detail}" if step.what != "obfuscating" else ""
        # Of what is learned every round is told, as one may take long.
        within = step.detail.partition(" of ")[0] if step.what == "learning" else 10 * step.done // max(1, step.total)
        part = (name, within)
        if self._bar.disable:
            if part != self._part and not self._quiet:
                told = f", {step.detail}" if step.what == "learning" else ""
                say(f"motionveil: {name}: {step.done} of {step.total}{told}", error=True)
        else:
            if name != self._part[0]:
                self._bar.reset(step.total)
                self._bar.set_description(name)
            self._bar.n = step.done
            self._bar.set_postfix_str(detail, refresh=False)
            self._bar.refresh()
        self._part = part

    def __enter__(self) -> StepBar:
        return self

    def __exit__(self, *details: object) -> None:
        self._bar.close()
