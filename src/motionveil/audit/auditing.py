"""The complete audit: measurements, attacks, verdict, report."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import ops
from .._core.errors import MotionveilError, OptionError, WeightsError
from .._core.types import UInt8Array
from ..detection.templates import GROUPS, default_library
from ..flow import DISFlow, FarnebackFlow, FlowEstimator, RAFTFlow
from ..pipeline.runner import Window, first_frames
from ..video import probe
from .container import examine
from .detectors import Detector, YuNet
from .figures import figures_of
from .footage import PairReader
from .identification import EMBEDDINGS, OWN, Embedding, Identification, identify
from .measures import Measures, measure
from .method import KnownMethod, clips_of
from .motion import motion_kept
from .pictures import doubts_of, pictures_of
from .reconstruction import ATTACKS, AttackerTraining, Recovery, reconstruct, training_excerpts
from .report import Pictures, check_place, write_report
from .verdict import MAX_GAIN

OnProgress = Callable[[str, float], None]
"""Called with a description of the current step, and the fraction of it that is done."""

_LOOKS: Mapping[str, Mapping[str, Any]] = {
    "farneback": {"most_pairs": 4},
    "raft": {"most_pairs": 2, "fillers": ("blur_strong", "solid", "iid_noise")},
}


@dataclass(frozen=True)
class Attackers:
    """The resources of attackers.

    Attributes:
        face_weights: YuNet file; None to use the weights folder, if it contains one.
        detectors: Further detectors.
        flow_weights: RAFT weights, by name or file, as a further measure of motion.
        persons: Images or videos, by name, of people who may be in the video.
        shows: The name of the person who is in the video; None if not in `persons`.
        embeddings: Further embeddings, in addition to face and appearance.
        train_on: Other videos to train the trained attacker on.
        training: Its training settings.
    """

    face_weights: str | Path | None = None
    detectors: Sequence[Detector] = ()
    flow_weights: str | Path | None = None
    persons: Mapping[str, Sequence[str | Path]] = field(default_factory=dict)
    shows: str | None = None
    embeddings: Sequence[Embedding] = ()
    train_on: Sequence[str | Path] = ()
    training: AttackerTraining = field(default_factory=AttackerTraining)


@dataclass(frozen=True)
class Audit:
    """The result of an audit. report: the content of report.json, see docs/audit.md. pictures: show the original."""

    report: Mapping[str, Any]
    pictures: Pictures

    def __repr__(self) -> str:
        return f"Audit({self.level}: {self.report['verdict']['headline']})"

    @property
    def level(self) -> str:
        """leak, weak, good, or note if too little could be measured."""
        return str(self.report["verdict"]["level"])


def audit_video(
    original: str | Path,
    output: str | Path,
    directory: str | Path | None = None,
    *,
    hide: Sequence[str] | None = None,
    method: KnownMethod | None = None,
    window: Window | None = None,
    attackers: Attackers | None = None,
    pictures: bool = True,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> Audit:
    """Attack an output, compare the results with the original, and report how much was recovered.

    Args:
        original: The original video, image or folder of images.
        output: The output made from it.
        directory: Where to write report.html and report.json; None writes nothing.
        hide: Names of what was to be hidden. Default: from the run manifest beside the output, else 'person'.
        method: How the output was made. Default: from the run manifest. Without either, attacks that require it are
            not run, and the report says so.
        window: The part of the original that the output shows. Default: that of the method.
        attackers: The resources of attackers.
        pictures: Include images in the report; they show the original.
        overwrite: Replace an existing report.
        on_progress: Called with a description of the current step, and the fraction of it that is done.

    Returns:
        The figures and the verdict.

    Raises:
        OptionError: If original and output do not match, or for invalid settings.
        MotionveilError: If a file cannot be read or the report cannot be written.

    Example:
        ```
        audit = audit_video("film.mp4", "film_veiled.mp4", "report")
        level = audit.level
        ```
    """
    attackers, tell = attackers or Attackers(), on_progress or (lambda step, share: None)
    if directory is not None:
        check_place(Path(directory), overwrite=overwrite, sources=(original, output))
    method = method or KnownMethod.of(output)
    window = window or (method.window if method else Window())
    for other in attackers.train_on:
        probe(other)
        if Path(other).resolve() == Path(original).resolve():
            raise OptionError(f"{other} is the original itself; give other videos as `train_on`")
    asked = _asked(hide, method)
    face_detector, no_faces = _face_detector(attackers)
    people = {name: _pictures_of(paths) for name, paths in attackers.persons.items()}
    if attackers.shows is not None and attackers.shows not in people:
        raise OptionError(f"no person is named {attackers.shows}; choose from those in `persons`, or add them")
    estimators = _estimators(attackers)
    container = examine(output, original)
    detectors = [*filter(None, [face_detector]), *attackers.detectors]
    with PairReader(original, output, window) as footage:
        total = footage.expected
        measures = measure(
            footage,
            detectors=detectors,
            asked=asked,
            on_progress=lambda done: tell("detecting people", done / total if total else 0.0),
        )
        info = footage.info
    recoveries = _reconstructed(measures, original, method, attackers, tell)
    tell("re-identifying people", 0.0)
    known_seed = method is not None and method.seeded
    identified = _identified(recoveries, people, attackers, face_detector, known_seed=known_seed)
    tell("measuring motion", 0.0)
    motion = {
        # Slow estimators process fewer pairs.
        name: motion_kept(measures.excerpts, {name: estimator}, **_LOOKS.get(name, {}))[name]
        for name, estimator in estimators.items()
    }
    report = figures_of(
        original=original, output=output, info=info, asked=asked, measures=measures, recoveries=recoveries,
        identified=identified, motion=motion, container=container, method=method,
        face_detector=None if face_detector is None else f"YuNet ({face_detector.path.name})", no_faces=no_faces,
    )  # fmt: skip
    shown: Pictures = {}
    if pictures:
        doubts = doubts_of(method.doubts if method else (), original, output, window)
        shown = {**pictures_of(measures, recoveries), "doubts": doubts}
    made = Audit(report, shown)
    if directory is not None:
        write_report(Path(directory), report, made.pictures, overwrite=overwrite)
    return made


def _asked(hide: Sequence[str] | None, method: KnownMethod | None) -> frozenset[str]:
    if hide is not None:
        return frozenset(default_library().names(hide))
    return method.attributes if method else frozenset(GROUPS["person"])


def _face_detector(attackers: Attackers) -> tuple[YuNet | None, str | None]:
    """The face detector, or why there is none. Raises WeightsError if the given file is invalid."""
    try:
        return YuNet(attackers.face_weights), None
    except WeightsError:
        if attackers.face_weights is not None:
            raise
        return None, "no face detector weights were given; see --face-weights"


def _estimators(attackers: Attackers) -> dict[str, FlowEstimator]:
    found: dict[str, FlowEstimator] = {
        "dis": DISFlow(short_side=480, smoothing=0.7),
        "farneback": FarnebackFlow(),
    }
    if attackers.flow_weights is not None:
        found["raft"] = RAFTFlow(str(attackers.flow_weights), scale=0.5)
    return found


def _pictures_of(paths: Sequence[str | Path]) -> list[UInt8Array]:
    """Some images of a person."""
    pictures: list[UInt8Array] = []
    for path in paths:
        frames = first_frames(path, Window(), seconds=10.0, count=12)
        if frames is None:
            raise OptionError(f"{path} cannot be read twice; give files as `persons`")
        pictures += list(frames)
    return pictures


def _reconstructed(
    measures: Measures, original: str | Path, method: KnownMethod | None, attackers: Attackers, tell: OnProgress
) -> dict[str, Recovery]:
    """The result of each attack, or why it was not run."""
    if not measures.excerpts:
        reason = "the replaced area is too narrow to have an interior" if measures.touched else "nothing was replaced"
        return {name: Recovery(name, attack().summary, not_run=reason) for name, attack in ATTACKS.items()}
    remake, training = None, None
    missing = {"trained_network": "no other videos were given to train on, with --train-on"}
    try:
        if method is None:
            raise OptionError("the settings of the output are unknown, so it cannot be recreated")
        remake = method.remake(original)
        if attackers.train_on:
            others = method.for_others()
            sources = [clips_of(path, others.window) for path in attackers.train_on]
            training = training_excerpts(
                sources,
                others.remake(attackers.train_on[0]),
                on_progress=lambda done: tell("preparing other videos", done / len(sources)),
            )
    except MotionveilError as error:
        missing = dict.fromkeys(("known_seed", "known_noise", "trained_network"), str(error))
    recoveries = reconstruct(
        measures.excerpts,
        remake=remake,
        clips=None if method is None else clips_of(original, method.window),
        training=training,
        how=attackers.training,
        targets=6,
        on_progress=lambda name, share: tell(f"attack: {name.replace('_', ' ')}", share),
    )
    return {
        name: recovery if recovery.not_run is None else replace(recovery, not_run=missing.get(name, recovery.not_run))
        for name, recovery in recoveries.items()
    }


def _identified(
    recoveries: Mapping[str, Recovery],
    persons: Mapping[str, Sequence[UInt8Array]],
    attackers: Attackers,
    face_detector: YuNet | None,
    *,
    known_seed: bool,
) -> Identification:
    """Re-identification at the moments that attacks recovered. known_seed: whether anybody knows the seed."""
    shown = recoveries["none"].moments
    if not shown:
        return Identification((), 1.0, not_run="nothing was replaced completely, so nobody was hidden")
    originals = [frame for moments in shown for frame in moments.original]
    outputs = [frame for moments in shown for frame in moments.output]
    indices = [moments.indices for moments in shown]
    recovered = {
        name: [
            ops.resize_image(frame, (like.shape[0], like.shape[1]))
            for frame, like in zip((f for m in recovery.moments for f in m.recovered), originals, strict=True)
        ]
        for name, recovery in recoveries.items()
        # If the method has to be run again, late moments are skipped. An attack with a seed that nobody has recovers
        # outlines, but is not realistic: it counts only if the core is recovered as well.
        if name != "none"
        and [moments.indices for moments in recovery.moments] == indices
        and (known_seed or name not in ("known_seed", "known_noise") or recovery.gain > MAX_GAIN)
    }
    faces = None
    if face_detector is not None:
        faces = [[found.box for found in face_detector(frame[None])[0]] for frame in originals]
    return identify(
        persons, originals, outputs, recovered=recovered, faces=faces, name=attackers.shows or OWN,
        embeddings=[EMBEDDINGS["face"](), EMBEDDINGS["appearance"](), *attackers.embeddings],
    )  # fmt: skip
