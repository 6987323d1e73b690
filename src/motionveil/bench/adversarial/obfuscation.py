"""Learned obfuscators among the obfuscations that tables compare."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...learned import LearnedObfuscator, load_learned
from ...outputs.run_manifest import file_digest


@dataclass(frozen=True)
class LearnedObfuscation:
    """What a trained obfuscator is to `Preparation`. record: all that its training depends on. checkpoint: its file."""

    record: Mapping[str, Any]
    checkpoint: Path
    looks: bool = False

    def as_record(self) -> dict[str, Any]:
        """All that decides what it makes, known before it is trained."""
        return dict(self.record)

    @property
    def made_from(self) -> tuple[str, ...]:
        """What its file holds, so that one that was trained again is another; empty before."""
        digest = file_digest(self.checkpoint)
        return (digest,) if digest else ()

    def networks(self) -> LearnedObfuscator:
        """The obfuscator. Raises WeightsError where it is not trained."""
        return load_learned(self.checkpoint)

    def make(self, networks: Any, frames: object) -> LearnedObfuscator:
        """The same for every source."""
        assert isinstance(networks, LearnedObfuscator)
        return networks
