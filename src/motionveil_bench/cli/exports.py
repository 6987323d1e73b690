"""motionveil bench saliency, export, overlap"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from motionveil.cli.export import PANELS as EXPORT_PANELS
from motionveil.cli.export import export_options, write_exports
from motionveil.cli.groups import PanelCommand
from motionveil.cli.saliency import PANELS as SALIENCY_PANELS
from motionveil.cli.saliency import saliency_options, write_maps
from motionveil.cli.terminal import say
from motionveil.pipeline.runner import Window
from motionveil.video import is_pattern

from ..copies.measuring import overlaps
from ..datasets import DATASETS, AnnotatedDataset, get_dataset
from .data import of_dataset, sources_of

_FOLDER = click.Path(path_type=Path, file_okay=False, exists=True)
_EPILOG = f"NAME is one of {', '.join(DATASETS)}."


@click.command(name="saliency", cls=PanelCommand, panels=SALIENCY_PANELS, epilog=_EPILOG)
@of_dataset
@saliency_options
def saliency_command(name: str, root: Path, annotations: Path | None, output: Path, **options: Any) -> int:
    """Write saliency maps of all videos of a dataset: OUTPUT/<folder of the video>/<video>/<attribute>/<frame>.png.

    Folders, videos and frames keep their names.
    """
    places = places_in(get_dataset(name, root, annotations), output)
    return write_maps(places, options, Window(), keep_names=True)


@click.command(name="export", cls=PanelCommand, panels=EXPORT_PANELS, epilog=_EPILOG)
@of_dataset
@export_options
def export_command(name: str, root: Path, annotations: Path | None, output: Path, **options: Any) -> int:
    """Write the steps of the method for all videos of a dataset: OUTPUT/<folder of the video>/<video>/flow, noise ….

    Folders, videos and frames keep their names.
    """
    places = places_in(get_dataset(name, root, annotations), output)
    return write_exports(places, options, Window(), keep_names=True)


def places_in(dataset: AnnotatedDataset, output: Path) -> list[tuple[str | int, Path]]:
    """All sources of a dataset, and the folders in which those of their results are to be made."""
    return [(str(dataset.root / source), output / _folder_of(Path(source))) for source in sources_of(dataset)]


@click.command(name="overlap")
@click.argument("folder", type=_FOLDER, metavar="MAPS")
@click.argument("other", type=_FOLDER, required=False, metavar="[MAPS]")
def overlap_command(folder: Path, other: Path | None) -> int:
    """Tell how far saliency maps overlap: of every two attributes, or of each in two folders made with other templates.

    MAPS are folders written by: motionveil saliency, motionveil bench saliency.
    """
    found = overlaps(folder, other)
    say(f"{'':<26}shared  correlation  frames")
    for each in found:
        name = each.one if other is not None else f"{each.one}, {each.other}"
        say(f"{name:<26}{each.shared:>6.3f}{each.correlation:>13.3f}{each.num_frames:>8}")
    return 0


def _folder_of(source: Path) -> Path:
    """Below the root: the folder of a video, or of a folder of frames."""
    return source.parent.parent if is_pattern(source) else source.parent
