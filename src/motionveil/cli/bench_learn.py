"""motionveil bench learn"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..bench.experiment_file import read_experiment
from ..bench.running import Benchmark
from ..errors import OptionError, OutputError
from ..files import write_file
from .bench_run import StepBar, experiment_options, places_of


@click.command(name="learn")
@experiment_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="Folder for NAME-SEED.safetensors, for: motionveil obfuscate --checkpoint.")  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME", help="Only these learned obfuscators; may be repeated.")
@click.option("--overwrite", is_flag=True, help="Replace obfuscators that exist.")
def command(experiment: Path, output: Path, only: tuple[str, ...], overwrite: bool, **options: Any) -> int:
    """Train the learned obfuscators of EXPERIMENT, and write them as files.

    An interrupted training goes on where it stopped. Run it in several terminals at once to share the work.
    """
    chosen = read_experiment(experiment, dataset=options["dataset"])
    if not chosen.learned:
        raise OptionError(f"{experiment} has no learned obfuscator; write for instance: [learned.grl]")
    if unknown := set(only) - set(chosen.learned):
        raise OptionError(f"{experiment} has no learned {min(unknown)}; it has {', '.join(chosen.learned)}")
    benchmark = Benchmark(chosen, places_of(options, chosen), memory=options["memory"], threads=options["threads"])
    instances = [each for name in only or chosen.learned for each in benchmark.instances(name, at_least_one=True)]
    name = "{0.name}-{0.seed}-{0.fold}" if chosen.folds else "{0.name}-{0.seed}"
    targets = {each: output / f"{name.format(each)}.safetensors" for each in instances}
    for target in targets.values():
        if target.exists() and not overwrite:
            raise OutputError(f"{target} exists; choose another folder, or allow it with --overwrite")
    try:
        with StepBar(quiet=options["quiet"]) as bar:
            benchmark.learn(instances, bar)
    except KeyboardInterrupt:
        click.echo("motionveil: interrupted; run the same again to go on where it stopped", err=True)
        return 130
    for instance, target in targets.items():
        write_file(target, benchmark.judging.learner.obfuscation(instance).checkpoint.read_bytes())
        if not options["quiet"]:
            click.echo(f"{target}  (use it with: motionveil obfuscate VIDEO --checkpoint {target})")
    return 0
