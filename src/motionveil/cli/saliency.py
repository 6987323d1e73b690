"""motionveil saliency"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from .._core.errors import OutputError
from ..obfuscation.factory import Networks
from ..outputs.result_folders import check_names, folder_name
from ..pipeline.saliency_export import MAPS, maps_are_there, write_saliency
from ..video import source_name
from .completion import complete_files
from .groups import GENERAL, PanelCommand
from .networks import FEATURE_PANEL, feature_options, take_features
from .options import INPUT_PANEL, Names, ProgressBar, each, make_window, source_of, window_options
from .terminal import say


@click.command(name="saliency", cls=PanelCommand, panels={**INPUT_PANEL, **FEATURE_PANEL, **GENERAL})
@click.argument("sources", nargs=-1, required=True, metavar="IN…", shell_complete=complete_files)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Output folder.")
@click.option(
    "--attributes",
    type=Names(),
    default="attributes",
    show_default=True,
    help="Templates or groups, separated by commas.",
)
@click.option("--video", is_flag=True, help="Also write an overlay video.")
@window_options
@feature_options
@click.option("--overwrite", is_flag=True, help="Overwrite existing output.")
@click.option("--resume", is_flag=True, help="Skip inputs that have maps made with the same settings.")
@click.option("-q", "--quiet", is_flag=True, help="Hide progress and summary.")
def command(sources: tuple[str, ...], output: Path, attributes: tuple[str, ...], video: bool, **options: Any) -> int:
    """Write saliency maps, a contact sheet, and with --video an overlay video.

    Each frame of each input becomes OUTPUT/<input>/<attribute>/<frame>.png: 8-bit greyscale at the input's size, 255
    where the image matches the template exactly.
    """
    window = make_window(options)
    overwrite, quiet = options["overwrite"], options["quiet"]
    resume = options["resume"]
    chosen, given = take_features(options)
    networks = Networks(MAPS.with_features(chosen or MAPS.features, **given))
    inputs = [source_of(text) for text in sources]
    check_names(inputs)

    def work(source: str | int) -> None:
        if resume and maps_are_there(source, output, attributes=attributes, networks=networks, window=window):
            if not quiet:
                say(f"{output / folder_name(source)}  (already exists)")
            return
        if resume and (output / folder_name(source)).exists() and not overwrite:
            raise OutputError(
                f"{output / folder_name(source)} was made with other settings; choose another folder, or --overwrite"
            )
        with ProgressBar(source_name(source), quiet=quiet) as bar:
            target = write_saliency(
                source, output, attributes=attributes, networks=networks, window=window, video=video,
                overwrite=overwrite, on_progress=bar,
            )  # fmt: skip
        if not quiet:
            say(f"{target}  (see {target / 'sheet.png'})")

    return each(inputs, work)
