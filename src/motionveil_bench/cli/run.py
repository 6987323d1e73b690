"""motionveil bench run, learn, search, report, networks"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from tqdm import tqdm

from motionveil._core.atomic_files import check_folder, write_file
from motionveil._core.errors import OptionError, OutputError
from motionveil.cli.numbers import Number, Whole
from motionveil.cli.terminal import say

if TYPE_CHECKING:
    from ..adversarial.learner import Instance
    from ..protocols.experiment import Experiment
    from ..protocols.running import Places, Step


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
        click.option("--pretrained", is_flag=True,
                     help="Start networks from their published weights, see: motionveil weights list."),
        click.option("--templates", type=click.Path(path_type=Path), metavar="FILE",
                     help="Use the templates in this file, written by: motionveil template export."),
        click.option("--dataset", metavar="NAME", help="Use this dataset instead of the one in the experiment."),
        click.option("--annotations", type=click.Path(path_type=Path),
                     help="Folder with its split files. Default: as in the original archives, below --root."),
        click.option("--root", type=click.Path(path_type=Path), required=True, help="Folder of the dataset."),
        click.argument("experiment", type=click.Path(path_type=Path, dir_okay=False)),
    ):  # fmt: skip
        command = option(command)
    return command


def _chosen(options: dict[str, Any]) -> dict[str, Any]:
    """What options say instead of the file of an experiment."""
    return {name: options[name] for name in ("dataset", "templates", "pretrained")}


def places_of(options: dict[str, Any], experiment: Experiment) -> Places:
    """Folders and files, from the options."""
    from ..protocols.running import Places

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
def run_command(experiment: Path, **options: Any) -> int:
    """Run or resume EXPERIMENT, a TOML file.

    Rows are appended to the results. An interrupted run resumes where it stopped. Run the command in several terminals
    to share the work.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..protocols.estimating import estimate
    from ..protocols.experiment_file import read_experiment
    from ..protocols.running import Benchmark

    chosen = read_experiment(experiment, **_chosen(options)).only(options["only"])
    places = places_of(options, chosen)
    benchmark = Benchmark(chosen, places, memory=options["memory"], threads=options["threads"])
    if options["dry_run"]:
        for line in estimate(benchmark).lines():
            say(line)
        return 0
    with StepBar(quiet=options["quiet"]) as bar:
        benchmark.run(bar)
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

    def __exit__(self, kind: type[BaseException] | None, *details: object) -> None:
        self._bar.close()
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            say("motionveil: interrupted; run the same command again to resume", error=True)
            raise click.exceptions.Exit(130)


@click.command(name="learn")
@experiment_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="Folder for NAME-SEED.safetensors, for use with: motionveil obfuscate --checkpoint.")  # fmt: skip
@click.option("--only", multiple=True, metavar="NAME", help="Only this learned obfuscator. Repeatable.")
@click.option("--dry-run", is_flag=True, help="Report what is left to do, with an estimate of the time.")
@click.option("--overwrite", is_flag=True, help="Overwrite existing obfuscators.")
def learn_command(experiment: Path, output: Path, only: tuple[str, ...], overwrite: bool, **options: Any) -> int:
    """Train the learned obfuscators of EXPERIMENT, and write them to files.

    An interrupted training resumes where it stopped. Run the command in several terminals to share the work.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..protocols.experiment_file import read_experiment
    from ..protocols.running import Benchmark

    check_folder(output)
    chosen = read_experiment(experiment, **_chosen(options))
    if not chosen.learned:
        raise OptionError(f"{experiment} has no learned obfuscator; add a table such as [learned.grl]")
    if unknown := set(only) - set(chosen.learned):
        raise OptionError(f"{experiment} has no learned {min(unknown)}; it has {', '.join(chosen.learned)}")
    benchmark = Benchmark(chosen, places_of(options, chosen), memory=options["memory"], threads=options["threads"])
    instances = [each for name in only or chosen.learned for each in benchmark.instances(name, at_least_one=True)]
    name = "{0.name}-{0.seed}-{0.fold}" if chosen.folds else "{0.name}-{0.seed}"
    for instance in instances:
        benchmark.evaluator.learner.check(instance)
    if options["dry_run"]:
        for instance in instances:
            done = benchmark.evaluator.learner.is_learned(instance)
            told = "done" if done else f"about {ceil(benchmark.evaluator.learner.seconds(instance) / 60)} min"
            say(f"{name.format(instance)}: {told}")
        return 0
    targets = {each: output / f"{name.format(each)}.safetensors" for each in instances}
    learner = benchmark.evaluator.learner
    for instance, target in targets.items():
        if target.exists() and not overwrite and not learner.is_learned(instance):
            raise OutputError(
                f"{target} exists; choose another folder, allow it with --overwrite, or name what is to be learned "
                "with --only"
            )

    def write(instance: Instance) -> None:
        _write_learned(learner.obfuscation(instance).checkpoint, targets[instance], overwrite, options["quiet"])

    with StepBar(quiet=options["quiet"]) as bar:
        benchmark.learn(instances, bar, write)
    return 0


def _write_learned(learned: Path, target: Path, overwrite: bool, quiet: bool) -> None:
    """A file for people. One that is the same already stays."""
    data = learned.read_bytes()
    if target.exists() and target.read_bytes() == data:
        return
    if target.exists() and not overwrite:
        raise OutputError(f"{target} exists and is another one; choose another folder, or allow it with --overwrite")
    write_file(target, data)
    if not quiet:
        say(f"{target}  (use it with: motionveil obfuscate VIDEO --checkpoint {target})")


@click.command(name="search")
@dataset_options
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True,
              help="TOML file for the best trial: [selective.searched], to paste into an experiment.")  # fmt: skip
@click.option("--trials", type=Whole(1, 100_000), help="Total number of trials. Default: as in the experiment.")
@click.option(
    "--results", type=click.Path(path_type=Path), help="File to append trials to. Default: results/NAME_search.jsonl."
)
@click.option("--overwrite", is_flag=True, help="Overwrite existing output.")
def search_command(experiment: Path, output: Path, trials: int | None, overwrite: bool, **options: Any) -> int:
    """Search for settings of the selective method that keep actions and hide an attribute, starting from a preset.

    Networks trained on the output of each trial attack it; test clips are never used. An interrupted search resumes
    where it stopped.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..protocols.experiment_file import read_experiment
    from ..protocols.running import Places
    from ..protocols.searching import Search, verdict, write_snippet

    if output.exists() and not overwrite:
        raise OutputError(f"{output} exists; choose another file, or allow it with --overwrite")
    chosen = read_experiment(experiment, **_chosen(options))
    results = options["results"] or Path("results") / f"{chosen.name}_search.jsonl"
    places = Places(options["root"], options["annotations"], options["work"], results)
    search = Search(chosen, places, memory=options["memory"], threads=options["threads"])
    with StepBar(quiet=options["quiet"]) as bar:
        found = search.run(trials, bar)
    write_snippet(output, found, chosen.name)
    if not options["quiet"]:
        say(verdict(found))
        say(f"{output}  (put it into an experiment, and its name among the retrained; trials: {results})")
    return 0


@click.command(name="networks")
def networks_command() -> None:
    """List the networks, their inputs, and the source of their pretrained weights."""
    from ..models import NETWORKS

    for name, network in NETWORKS.items():
        seen = f"{network.num_frames}x{network.frame_stride}" if network.level == "clip" else "frames"
        flow = " and flow" if network.flow else ""
        say(f"{name:<16} {network.level:<6} {seen:>6}  {network.size} px{flow}  {network.pretrained}".rstrip())


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
def report_command(
    results: tuple[Path, ...], output: Path, published: bool, video: Path | None, learned: Path | None, quiet: bool
) -> int:
    """Create all tables and figures from result rows: an HTML page, Markdown, LaTeX, PDF and PNG.

    Files of an earlier report in OUTPUT are overwritten or removed. Other files are left alone.
    """
    # Slow to import: what is wrong with the options is said before.
    from ..report import write_report
    from ..report.learning import one_of_each, read_trainings
    from ..report.sheets import video_sheets
    from ..report.study import obfuscators_of, stand_ins_of
    from ..results import read_rows

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
