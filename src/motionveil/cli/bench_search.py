"""motionveil bench search"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._core.errors import OutputError
from .bench_run import StepBar, dataset_options
from .numbers import Whole
from .terminal import say


@click.command(name="search")
@dataset_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="TOML file for the best trial: [selective.searched], to paste into an experiment.")  # fmt: skip
@click.option("--trials", type=Whole(1, 100_000), help="Total number of trials. Default: as in the experiment.")
@click.option(
    "--results", type=click.Path(path_type=Path), help="File to append trials to. Default: results/NAME_search.jsonl."
)
@click.option("--overwrite", is_flag=True, help="Overwrite existing output.")
def command(experiment: Path, output: Path, trials: int | None, overwrite: bool, **options: Any) -> int:
    """Search for settings of the selective method that keep actions and hide an attribute, starting from a preset.

    Networks trained on the output of each trial attack it; test clips are never used. An interrupted search resumes
    where it stopped.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..bench.experiment_file import read_experiment
    from ..bench.running import Places
    from ..bench.searching import Search, verdict, write_snippet

    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; choose another file, or allow it with --overwrite")
    chosen = read_experiment(experiment, dataset=options["dataset"])
    results = options["results"] or Path("results") / f"{chosen.name}_search.jsonl"
    places = Places(options["root"], options["annotations"], options["work"], results)
    search = Search(chosen, places, memory=options["memory"], threads=options["threads"])
    try:
        with StepBar(quiet=options["quiet"]) as bar:
            found = search.run(trials, bar)
    except KeyboardInterrupt:
        say("motionveil: interrupted; run the same command again to resume", error=True)
        return 130
    write_snippet(output, found, chosen.name)
    if not options["quiet"]:
        say(verdict(found))
        say(f"{output}  (put it into an experiment, and its name among the retrained; trials: {results})")
    return 0
