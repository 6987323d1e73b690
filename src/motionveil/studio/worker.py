"""Makes one film, in a process of its own, so that a crash there ends nothing else.

``python -m motionveil.studio.worker`` is told what to do in one line of JSON on standard input, and tells in lines of
JSON on standard output how far it is. When standard input ends, whoever gave the order is gone, and the work ends too.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from .._core.errors import MotionveilError
from .._core.interrupts import interrupts
from ..pipeline.obfuscation import Result, obfuscate_video
from ..pipeline.runner import Progress
from ..pipeline.settings_file import Settings
from ..regions import Doubt
from .project import Row
from .rows import Rows


class _Answers:
    """Lines of JSON to whoever gave the order; what libraries print goes elsewhere."""

    def __init__(self) -> None:
        self._descriptor = os.dup(1)
        os.dup2(2, 1)

    def __call__(self, **message: Any) -> None:
        data = (json.dumps(message) + "\n").encode()
        while data:
            data = data[os.write(self._descriptor, data) :]


def told(result: Result, rows: Sequence[Row] = ()) -> dict[str, Any]:
    """What a page wants to know of a result, as JSON can hold it."""
    return {
        "output": result.target.name,
        "frames": result.num_frames,
        "seconds": round(result.seconds, 3),
        "notices": list(result.notices),
        "rows": [asdict(row) for row in rows],
        "moments": [{"time": float(doubt.time), "box": list(doubt.box)} for doubt in _joined(result.doubts)],
    }


def _joined(doubts: Sequence[Doubt]) -> list[Doubt]:
    """Doubts of one time and place as one: a head and the person that it belongs to are told apart elsewhere."""
    found: list[Doubt] = []
    for doubt in doubts:
        at = next((i for i, other in enumerate(found) if other.time == doubt.time and _meet(other, doubt)), None)
        if at is None:
            found.append(doubt)
        else:
            left, top = (min(a, b) for a, b in zip(found[at].box[:2], doubt.box[:2], strict=True))
            right, bottom = (max(one.box[i] + one.box[i + 2] for one in (found[at], doubt)) for i in (0, 1))
            found[at] = Doubt(doubt.time, (left, top, right - left, bottom - top))
    return found


def _meet(one: Doubt, other: Doubt) -> bool:
    return all(
        one.box[i] < other.box[i] + other.box[i + 2] and other.box[i] < one.box[i] + one.box[i + 2] for i in (0, 1)
    )


def make(order: Mapping[str, Any], answer: Any) -> None:
    """Do what an order says, see `queue.order_for`, and tell `answer`."""
    settings = Settings.from_record(order["settings"])
    if "report" in order:
        _audit(order, settings, answer)
        return
    rows = Rows()

    def on_progress(progress: Progress) -> None:
        answer(done=progress.done, total=progress.total, left=progress.seconds_left, fps=progress.frames_per_second)

    result = obfuscate_video(
        order["source"],
        order["target"],
        where=settings.where(),
        library=settings.library(),
        preset=settings.make_preset(),
        encoding=settings.encoding(),
        preview=order["preview"],
        record=True,
        seed=settings.seed,
        on_progress=on_progress,
        on_clip=rows.add,
    )
    answer(result=told(result, rows.result()))


def _audit(order: Mapping[str, Any], settings: Settings, answer: Any) -> None:
    """Audit a result that was made with these settings."""
    # Slow to import, and not needed otherwise.
    from ..audit import KnownMethod, audit_video

    doubts = tuple(
        Doubt(Fraction(moment["time"]).limit_denominator(1_000_000), tuple(moment["box"]))
        for moment in order["moments"]
    )
    method = KnownMethod(
        settings.make_preset(), settings.where(), seeded=settings.seed is not None, doubts=doubts,
        library=settings.library(),
    )  # fmt: skip
    audit = audit_video(
        order["source"],
        order["target"],
        order["report"],
        method=method,
        overwrite=True,
        on_progress=lambda step, share: answer(done=round(1000 * share), total=1000, left=None, fps=0.0, step=step),
    )
    answer(result={"level": audit.level, "headline": str(audit.report["verdict"]["headline"])})


def _end_with_standard_input() -> None:
    def wait() -> None:
        while os.read(0, 4096):
            pass
        if hasattr(os, "getppid"):
            os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, name="motionveil-lifeline", daemon=True).start()


def _read_line() -> bytes:
    """One line, without reading on: what comes later is the lifeline's."""
    line = b""
    while not line.endswith(b"\n"):
        letter = os.read(0, 1)
        if not letter:
            break
        line += letter
    return line


def main() -> int:
    """Returns the exit code: 0 done, 2 an error that a person can mend, 130 interrupted."""
    answer = _Answers()
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever gave the order, who then says so
    signal.signal(signal.SIGTERM, interrupts)
    warnings.simplefilter("ignore")  # they are notices of the result
    order = json.loads(_read_line())
    _end_with_standard_input()
    try:
        make(order, answer)
    except KeyboardInterrupt:
        return 130
    except MotionveilError as error:
        answer(error=str(error).replace(str(order["source"]), Path(order["source"]).name))
        return 2
    except MemoryError:
        answer(error="there is not enough memory for this video; close other programs and run it again")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
