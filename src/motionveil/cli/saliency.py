"""motionveil saliency"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from .._core.errors import OutputError
from ..obfuscation.factory import Networks
from ..outputs.result_folders import check_names, folder_name
from ..pipeline.runner import Window
from ..pipeline.saliency_export import MAPS, maps_are_there, write_saliency
from ..video import source_name
from .completion import complete_files
from .groups import GENERAL, PanelCommand
from .networks import FEATURE_PANEL, MATCH_FIRST, feature_options, take_features
from .options import INPUT_PANEL, Names, ProgressBar, each, make_window, source_of, window_options
from .terminal import say

Command = TypeVar("Command", bound=Callable[..., Any])
PANELS = {**INPUT_PANEL, **FEATURE_PANEL, **GENERAL}


def saliency_options(command: Command) -> Command:
    """What maps of one source and of a whole dataset have in common."""
    options: tuple[Callable[[Any], Any], ...] = (
        click.option("-q", "--quiet", is_flag=True, help="Hide progress and summary."),
        click.option("--resume", is_flag=True, help="Skip inputs that have maps made with the same settings."),
        click.option("--overwrite", is_flag=True, help="Overwrite existing output."),
        feature_options,
        MATCH_FIRST,
        click.option("--video", is_flag=True, help="Also write an overlay video."),
        click.option("--attributes", type=Names(), default="attributes", show_default=True,
                     help="Templates or groups, separated by commas."),
        click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="Output folder."),
    )  # fmt: skip
    for option in options:
        command = option(command)
    return command


@click.command(name="saliency", cls=PanelCommand, panels=PANELS)
@click.argument("sources", nargs=-1, required=True, metavar="IN…", shell_complete=complete_files)
@saliency_options
@window_options
def command(sources: tuple[str, ...], output: Path, **options: Any) -> int:
    """Write saliency maps, a contact sheet, and with --video an overlay video.

    Each frame of each input becomes OUTPUT/<input>/<attribute>/<frame>.png: 8-bit greyscale at the input's size, 255
    where the image matches the template exactly.
    """
    inputs = [source_of(text) for text in sources]
    check_names(inputs)
    return write_maps([(source, output) for source in inputs], options, make_window(options))


def write_maps(
    places: Sequence[tuple[str | int, Path]], options: dict[str, Any], window: Window, *, keep_names: bool = False
) -> int:
    """Write maps of sources, each into a folder. options: of `saliency_options`. Returns the exit code."""
    overwrite, quiet, resume = options["overwrite"], options["quiet"], options["resume"]
    chosen, given = take_features(options)
    networks = Networks(MAPS.with_features(chosen or MAPS.features, **given))
    common: Any = {
        "attributes": options["attributes"], "networks": networks, "window": window,
        "match_first": bool(options["match_first"]),
    }  # fmt: skip

    def work(place: tuple[str | int, Path]) -> None:
        source, output = place
        target = output / folder_name(source)
        if resume and maps_are_there(source, output, **common):
            if not quiet:
                say(f"{target}  (already exists)")
            return
        if resume and target.exists() and not overwrite:
            raise OutputError(
                f"{target} was made with other settings, or is incomplete; choose another folder, or --overwrite"
            )
        with ProgressBar(source_name(source), quiet=quiet) as bar:
            write_saliency(
                source, output, **common, video=options["video"], keep_names=keep_names, overwrite=overwrite,
                on_progress=bar,
            )  # fmt: skip
        if not quiet:
            say(f"{target}  (see {target / 'sheet.png'})")

    return each(places, work)
