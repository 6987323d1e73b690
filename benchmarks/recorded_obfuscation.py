"""The motionveil command, with a record of the opacity of every frame.

    python benchmarks/recorded_obfuscation.py RECORD.zip obfuscate IN -o OUT [OPTION …]

RECORD.zip gets an entry per frame, named by its index with six digits; `hidden_pixels.recorded` reads it. A method
that has no opacity leaves it empty. Everything else is as the command has it, its exit code too.
"""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.hidden_pixels import packed
from motionveil import ops
from motionveil._core.types import Clip
from motionveil.cli import main as command
from motionveil.obfuscation.obfuscators import Explained, Selective, Stage


def main() -> None:
    target, *arguments = sys.argv[1:]
    plain = Selective.explain
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as record:

        def explain(self: Selective, clips: Iterable[Clip], *, stage: Stage = iter) -> Iterator[Explained]:
            for made in plain(self, clips, stage=stage):
                for index, opacity in enumerate(made.opacity, made.original.start):
                    record.writestr(f"{index:06d}", packed(ops.to_host(opacity)))
                yield made

        Selective.explain = explain  # type: ignore[method-assign]
        sys.argv[1:] = arguments
        command()


if __name__ == "__main__":
    main()
