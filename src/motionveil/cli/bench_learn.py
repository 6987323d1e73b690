"""motionveil bench learn"""

from __future__ import annotations

from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .._core.atomic_files import check_folder, write_file
from .._core.errors import OptionError, OutputError
from .bench_run import StepBar, experiment_options, places_of
from .terminal import say

if TYPE_CHECKING:
    from ..bench.adversarial.learner import Instance


@click.command(name="learn")
@experiment_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="Folder for NAME-SEED.safetensors, for use with: motionveil obfuscate --checkpoint.")  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME", help="Only this learned obfuscator. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Report what is left to do, with an estimate of the time.")
@click.option("--overwrite", is_flag=True, help="Overwrite existing obfuscators.")
def command(experiment: Path, output: Path, only: tuple[str, ...], overwrite: bool, **options: Any) -> int:
    """Train the learned obfuscators of EXPERIMENT, and write them to files.

    An interrupted training resumes where it stopped. Run the command in several terminals to share the work.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..bench.experiment_file import read_experiment
    from ..bench.running import Benchmark

    check_folder(output)
    chosen = read_experiment(experiment, dataset=options["dataset"])
    if not chosen.learned:
        raise OptionError(f"{experiment} has no learned obfuscator; add a table such as [learned.grl]")
    if unknown := set(only) - set(chosen.learned):
        raise OptionError(f"{experiment} has no learned {min(unknown)}; it has {', '.join(chosen.learned)}")
    benchmark = Benchmark(chosen, places_of(options, chosen), memory=options["memory"], threads=options["threads"])
    instances = [each for name in only or chosen.learned for each in benchmark.instances(name, at_least_one=True)]
    name = "{0.name}-{0.seed}-{0.fold}" if chosen.folds else "{0.name}-{0.seed}"
    for instance in instances:
        benchmark.judging.learner.check(instance)
    if options["dry_run"]:
        for instance in instances:
            done = benchmark.judging.learner.is_learned(instance)
            told = "done" if done else f"about {ceil(benchmark.judging.learner.seconds(instance) / 60)} min"
            say(f"{name.format(instance)}: {told}")
        return 0
    targets = {each: output / f"{name.format(each)}.safetensors" for each in instances}
    learner = benchmark.judging.learner
    for instance, target in targets.items():
        if target.exists() and not overwrite and not learner.is_learned(instance):
            raise OutputError(
                f"{target} exists; choose another folder, allow it with --overwrite, or name what is to be learned "
                "with --only"
            )

    def write(instance: Instance) -> None:
        _write(learner.obfuscation(instance).checkpoint, targets[instance], overwrite, options["quiet"])

    try:
        with StepBar(quiet=options["quiet"]) as bar:
            benchmark.learn(instances, bar, write)
    except KeyboardInterrupt:
        say("motionveil: interrupted; run the same command again to resume", error=True)
        return 130
    return 0


def _write(learned: Path, target: Path, overwrite: bool, quiet: bool) -> None:
    """A file for people. One that is the same already stays."""
    data = learned.read_bytes()
    if target.exists() and target.read_bytes() == data:
        return
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists and is another one; choose another folder, or allow it with --overwrite")
    write_file(target, data)
    if not quiet:
        say(f"{target}  (use it with: motionveil obfuscate VIDEO --checkpoint {target})")
