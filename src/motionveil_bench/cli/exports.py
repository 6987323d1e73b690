"""motionveil bench saliency, motionveil bench export"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from motionveil.cli.export import PANELS as EXPORT_PANELS
from motionveil.cli.export import export_options, write_exports
from motionveil.cli.groups import PanelCommand
from motionveil.cli.saliency import PANELS as SALIENCY_PANELS
from motionveil.cli.saliency import saliency_options, write_maps
from motionveil.pipeline.runner import Window
from motionveil.video import is_pattern

from ..datasets import DATASETS, AnnotatedDataset, get_dataset
from .data import of_dataset

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
    sources = sorted({record.source for task in dataset.tasks for record in dataset.records(task)})
    return [(str(dataset.root / source), output / _folder_of(Path(source))) for source in sources]


def _folder_of(source: Path) -> Path:
    """Below the root: the folder of a video, or of a folder of frames."""
    return source.parent.parent if is_pattern(source) else source.parent
