"""motionveil's opacity, made in this process without noise and without an output: much faster than a whole run."""

from __future__ import annotations

import shlex
import zipfile
from functools import cached_property
from pathlib import Path
from typing import Any
from unittest.mock import patch

import motionveil
from benchmarks.hidden_pixels import packed
from benchmarks.hiding_tools import Cost, Run
from motionveil import ops
from motionveil._core.atomic_files import hidden_name, remove
from motionveil._core.errors import OptionError
from motionveil.cli import obfuscate
from motionveil.obfuscation.factory import choose_region
from motionveil.pipeline.making import Order


class _Settings(Exception):  # noqa: N818
    """Carries what the command line would have used out of it."""


def settings_of(options: str) -> tuple[motionveil.Where, motionveil.Networks]:
    """What these options of `motionveil obfuscate` mean. Raises what the command line raises."""

    def caught(source: object, target: object, order: Order, **_: Any) -> None:
        raise _Settings(order.where, motionveil.Networks(order.preset))

    arguments = ["photo.png", "-o", "out.png", "-q", *shlex.split(options)]
    try:
        with patch.object(obfuscate, "make_one", caught):
            obfuscate.command.main(arguments, standalone_mode=False)
    except _Settings as found:
        where, networks = found.args
        return where, networks
    raise OptionError(f"the options {options!r} obfuscate nothing; give those of a selective method")


class OpacityAlone(Run):
    """Opacity of clips by these options; in place of an output there is the clip itself."""

    def __init__(self, name: str, options: str, work: Path, *, again: bool = False) -> None:
        super().__init__(name, options, work, again=again)
        self.text = options
        self.folder = work / "opacity" / name
        self._places: dict[str, Path] = {}

    @cached_property
    def _settings_of_all(self) -> tuple[motionveil.Where, motionveil.Networks]:
        return settings_of(self.text)

    def make(self, clips: Path, clip: str) -> Cost | None:
        """Make the record of the opacity, if it is not there for these options and this code."""
        self._places[clip] = clips / clip
        record, note = self.record(clip), self.record(clip).with_suffix(".txt")
        made_by = f"{self.text}\n{self._code()}\n"
        if record.exists() and note.exists() and note.read_text("utf-8") == made_by and not self.again:
            return None
        self.folder.mkdir(parents=True, exist_ok=True)
        where, networks = self._settings_of_all
        region, _ = choose_region(where, networks.preset, networks.extractor)
        temporary = hidden_name(record)
        try:
            with (
                motionveil.open_source(clips / clip) as source,
                zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as kept,
            ):
                index = 0
                for opacities in region.stream(motionveil.with_motion(source, networks.flow)):
                    for opacity in opacities:
                        kept.writestr(f"{index:06d}", packed(ops.to_host(opacity)))
                        index += 1
            temporary.replace(record)
        finally:
            remove(temporary)
        note.write_text(made_by, "utf-8")
        return None

    def output(self, clip: str) -> Path | None:
        return self._places.get(clip)
