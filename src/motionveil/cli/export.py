"""motionveil export"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click

from .._core.errors import OutputError
from ..fillers import FILLERS
from ..obfuscation.factory import DEFAULT_HIDE, Networks
from ..obfuscation.presets import PRESETS, get_preset
from ..outputs.result_folders import check_names, folder_name
from ..pipeline.runner import Window
from ..pipeline.step_export import EXPORTS, FLOW_FORMATS, Export, export_is_there, write_export
from ..video import source_name
from .completion import complete_files
from .filler import with_filler
from .groups import GENERAL, PanelCommand
from .networks import FEATURE_PANEL, FLOW_PANEL, MATCH_FIRST, feature_options, flow_options, take_features, take_flow
from .numbers import SEED, Number
from .options import INPUT_PANEL, Names, ProgressBar, Setting, each, make_window, source_of, window_options
from .terminal import say

Command = TypeVar("Command", bound=Callable[..., Any])
PANELS = {**INPUT_PANEL, **FEATURE_PANEL, **FLOW_PANEL, **GENERAL}


def export_options(command: Command) -> Command:
    """What exports of one source and of a whole dataset have in common."""
    options: tuple[Callable[[Any], Any], ...] = (
        click.option("-q", "--quiet", is_flag=True, help="Hide progress and summary."),
        click.option("--resume", is_flag=True, help="Skip inputs that have an export made with the same settings."),
        click.option("--overwrite", is_flag=True, help="Overwrite existing output."),
        click.option("--seed", type=SEED, help="Make the noise reproducible, for experiments."),
        flow_options,
        feature_options,
        MATCH_FIRST,
        click.option("--flow-range", type=Number(most=1e5, above=0), metavar="PIXELS",
                     help="Motion shown in full colour. Default: the maximum of each frame."),
        click.option("--flow-format", type=click.Choice(FLOW_FORMATS), default="flo", show_default=True,
                     help="flo: Middlebury format; npz: NumPy format, smaller."),
        click.option("--filler", type=Setting(FILLERS), help="Filler to write as noise, such as motion_noise:grain=8."),
        click.option("--preset", type=click.Choice(list(PRESETS)), default="secure", show_default=True,
                     help="Settings of the method."),
        click.option("--hide", type=Names(), default=",".join(DEFAULT_HIDE), show_default=True,
                     help="Templates or groups to write saliency, mask and noise for."),
        click.option("--what", type=Names(), default=",".join(EXPORTS), show_default=True,
                     help="Steps to write, separated by commas."),
        click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Output folder."),
    )  # fmt: skip
    for option in options:
        command = option(command)
    return command


@click.command(name="export", cls=PanelCommand, panels=PANELS)
@click.argument("sources", nargs=-1, required=True, metavar="IN…", shell_complete=complete_files)
@export_options
@window_options
def command(sources: tuple[str, ...], output: Path, **options: Any) -> int:
    """Write the steps of the method as files: flow, saliency, noise and mask of every frame.

    Writes one file per frame to OUTPUT/<input>/flow, flow_colours, saliency/<attribute>, noise and mask. Saliency,
    masks and the contact sheet reveal what is to be hidden: protect them like the original.
    """
    inputs = [source_of(text) for text in sources]
    check_names(inputs)
    return write_exports([(source, output) for source in inputs], options, make_window(options))


def write_exports(
    places: Sequence[tuple[str | int, Path]], options: dict[str, Any], window: Window, *, keep_names: bool = False
) -> int:
    """Write exports of sources, each into a folder. options: of `export_options`. Returns the exit code."""
    (features, feature_settings), (flow, flow_settings) = take_features(options), take_flow(options)
    preset = get_preset(options["preset"])
    preset = preset.with_features(features or preset.features, **feature_settings)
    preset = preset.with_flow(flow or preset.flow, **flow_settings)
    if options["match_first"]:
        preset = replace(preset, coverage=replace(preset.coverage, match_first=True))
    networks = Networks(with_filler(preset, options["filler"]))
    export = Export(options["what"], options["hide"], options["flow_format"], options["flow_range"])
    seed, overwrite, resume, quiet = (options[key] for key in ("seed", "overwrite", "resume", "quiet"))

    def work(place: tuple[str | int, Path]) -> None:
        source, output = place
        target = output / folder_name(source)
        if resume and export_is_there(source, output, export=export, networks=networks, window=window, seed=seed):
            if not quiet:
                say(f"{target}  (already exists)")
            return
        if resume and target.exists() and not overwrite:
            raise OutputError(
                f"{target} was made with other settings, or is incomplete; choose another folder, or --overwrite"
            )
        with ProgressBar(source_name(source), quiet=quiet) as bar:
            write_export(
                source, output, export=export, networks=networks, window=window, seed=seed, keep_names=keep_names,
                overwrite=overwrite, on_progress=bar,
            )  # fmt: skip
        if not quiet:
            say(f"{target}  (see {target / 'sheet.png'})")

    return each(places, work)
