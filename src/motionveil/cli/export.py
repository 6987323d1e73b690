"""motionveil export"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..building import DEFAULT_HIDE, Networks
from ..errors import OutputError
from ..exporting import EXPORTS, FLOW_FORMATS, Export, export_is_there, write_export
from ..fillers import FILLERS
from ..folders import check_names, folder_name
from ..presets import PRESETS, get_preset
from ..video import source_name
from .fill import with_fill
from .networks import feature_options, flow_options, take_features, take_flow
from .numbers import SEED, Number
from .options import Names, ProgressBar, Setting, each, make_window, source_of, window_options
from .terminal import say


@click.command(name="export")
@click.argument("sources", nargs=-1, required=True, metavar="IN…")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Folder to write to.")
@click.option("--what", type=Names(), default=",".join(EXPORTS), show_default=True, help="Steps to write, with commas.")
@click.option(
    "--hide",
    type=Names(),
    default=",".join(DEFAULT_HIDE),
    show_default=True,
    help="Templates or groups whose saliency, mask and noise are written.",
)
@click.option("--preset", type=click.Choice(list(PRESETS)), default="secure", show_default=True)
@click.option("--fill", type=Setting(FILLERS), help="What is written as noise, for instance motion_noise:grain=8.")
@click.option("--flow-format", type=click.Choice(FLOW_FORMATS), default="flo", show_default=True,
              help="flo: Middlebury's; npz: numpy's, smaller.")  # fmt: skip
@click.option("--flow-range", type=Number(most=1e5, above=0),
              help="Pixels of motion that get the full colour. Default: the most of every frame.")  # fmt: skip
@window_options
@feature_options
@flow_options
@click.option("--seed", type=SEED, help="For experiments: repeats the noise.")
@click.option("--overwrite", is_flag=True, help="Replace folders that exist.")
@click.option("--resume", is_flag=True, help="Leave out inputs whose export is there, made with the same settings.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def command(sources: tuple[str, ...], output: Path, **options: Any) -> int:
    """Write the steps of the method as files: flow, saliency, noise and mask of every frame.

    They lie in OUTPUT/<input>/flow, flow_colours, saliency/<attribute>, noise and mask, one file per frame. Saliency,
    mask and the contact sheet show what is to be hidden: keep them as safe as the original.
    """
    window = make_window(options)
    (features, feature_settings), (flow, flow_settings) = take_features(options), take_flow(options)
    preset = get_preset(options["preset"])
    preset = preset.with_features(features or preset.features, **feature_settings)
    preset = preset.with_flow(flow or preset.flow, **flow_settings)
    networks = Networks(with_fill(preset, options["fill"]))
    export = Export(options["what"], options["hide"], options["flow_format"], options["flow_range"])
    seed, overwrite, resume, quiet = (options[key] for key in ("seed", "overwrite", "resume", "quiet"))
    inputs = [source_of(text) for text in sources]
    check_names(inputs)

    def work(source: str | int) -> None:
        target = output / folder_name(source)
        if resume and export_is_there(source, output, export=export, networks=networks, window=window, seed=seed):
            if not quiet:
                say(f"{target}  (there already)")
            return
        if resume and target.exists() and not overwrite:
            raise OutputError(f"{target} was made with other settings; choose another folder, or --overwrite")
        with ProgressBar(source_name(source), quiet=quiet) as bar:
            write_export(
                source, output, export=export, networks=networks, window=window, seed=seed, overwrite=overwrite,
                on_progress=bar,
            )  # fmt: skip
        if not quiet:
            say(f"{target}  (look at {target / 'sheet.png'})")

    return each(inputs, work)
