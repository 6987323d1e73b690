"""motionveil obfuscate"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click

from .._core.errors import OptionError
from ..detection.templates import default_library
from ..fillers import FILLERS
from ..noise import PALETTES, STATISTICS, Transport
from ..obfuscation.factory import DEFAULT_HIDE
from ..obfuscation.presets import PRESETS, Preset, get_preset
from ..obfuscation.settings_warnings import learned_weaknesses, weaknesses
from ..outputs.output_paths import audit_path, output_folder, plan
from ..pipeline.batch import make_one, run_batch
from ..pipeline.making import Order
from ..pipeline.obfuscation import Result
from ..video import CODECS, Encoding, source_name
from .bars import Bars
from .completion import complete_files
from .filler import with_filler
from .groups import GENERAL, PanelCommand
from .learned import method_options, take_learned
from .networks import FEATURE_PANEL, FLOW_PANEL, MATCH_FIRST, feature_options, flow_options, take_features, take_flow
from .numbers import SEED, Number, Whole
from .options import INPUT_PANEL, Names, Numbers, ProgressBar, Setting, make_window, source_of, window_options
from .regions import region_options, take_where
from .settings import settings_option, take_settings
from .terminal import say

_PANELS = {
    "Options": (
        "--output", "--hide", "--smallest-person", "--area", "--filler", "--preview", "--audit", "--start", "--end",
        "--overwrite",
    ),
    "Regions": ("--mask", "--whole-frame", "--inverse", "--only-in", "--except-area", "--except-mask", "--keep-person"),
    "Coverage": ("--preset", "--settings", "--thresholds", "--margin", "--hold", "--strength"),
    "Detection": ("--keyframe-every", "--recheck", "--match-first", "--short-side"),
    "Noise": ("--grain", "--transport", "--palette", "--face-motion", "--statistics"),
    **INPUT_PANEL,
    "Output": ("--codec", "--quality", "--speed", "--audio", "--metadata", "--colours", "--record"),
    "Many files": ("--resume", "--jobs", "--cluster", "--retries"),
    **FEATURE_PANEL,
    **FLOW_PANEL,
    "Research": ("--method", "--checkpoint", "--seed"),
    **GENERAL,
}  # fmt: skip
"""The ten most common options first, then the others. See `PanelCommand`."""


@click.command(name="obfuscate", cls=PanelCommand, panels=_PANELS)
@click.argument("sources", nargs=-1, required=True, metavar="IN…", shell_complete=complete_files)
@click.option(
    "-o",
    "--output",
    metavar="FILE|DIR",
    shell_complete=complete_files,
    help="Output file, or folder to write to. Default: NAME_veiled next to the input.",
)
@click.option(
    "--hide",
    type=Names(),
    default=",".join(DEFAULT_HIDE),
    show_default=True,
    help="What to hide: hair, forehead, eyes, cheek, lips, hand, arm, torso, leg, other_person; a group (face, head, "
    "person, all, attributes); one of your own templates; or nothing, to hide only what the region options select. "
    "Number plates, screens and text are not covered: use --area or --mask.",
)
@region_options
@method_options
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="secure",
    show_default=True,
    help="secure: cover every detected region completely. figure_ground: replace the whole frame, and keep outlines "
    "and motion. paper: the published method (needs weights). paper_fast: close to it, and much faster. The last two "
    "are for research and protect nobody.",
)
@settings_option
@click.option("--preview", is_flag=True, help="Also write input, saliency and output side by side. Shows the original.")
@click.option("--audit", is_flag=True, help="Then attack the result: writes OUT.audit/report.html. Shows the original.")
@window_options
@click.option(
    "--codec",
    type=click.Choice(list(CODECS)),
    help="Video codec. Default: chosen by the output's extension, else h264.",
)
@click.option("--quality", type=Whole(), help="Constant quality (CRF or QP) of the codec; lower is better.")
@click.option("--speed", metavar="PRESET", help="Speed preset of the codec, such as veryfast or medium.")
@click.option(
    "--audio",
    type=click.Choice(["drop", "keep"]),
    default="drop",
    show_default=True,
    help="A voice can identify a person.",
)
@click.option(
    "--metadata",
    type=Names(),
    default="drop",
    show_default=True,
    metavar="drop|keep[,place][,device]",
    help="Tags can hold places and names. A photo's place and camera are kept only if named.",
)
@click.option(
    "--colours",
    type=click.Choice(["standard", "keep"]),
    default="standard",
    show_default=True,
    help="keep: preserve HDR and more than 8 bits (hevc, av1, ffv1).",
)
@click.option("--overwrite", is_flag=True, help="Overwrite existing output.")
@click.option("--resume", is_flag=True, help="Skip inputs whose result was completed earlier with the same settings.")
@click.option(
    "--jobs", type=Whole(1, 100_000), help="Number of files to process at once. Default: 1; on a cluster one per core."
)
@click.option(
    "--cluster", metavar="local|ADDRESS", help="Process the files with Ray, on this machine or on a running cluster."
)
@click.option(
    "--retries",
    type=Whole(0, 100),
    default=2,
    show_default=True,
    help="Further attempts at a file whose process was killed, or that failed for unknown reasons.",
)
@click.option("--record/--no-record", default=True, show_default=True, help="Write settings and hashes to OUT.json.")
@click.option(
    "--thresholds",
    type=Numbers("LOW,HIGH", "0.2,0.4"),
    help="Saliency below which pixels stay unchanged, and from which they are replaced completely.",
)
@click.option(
    "--margin", type=Number(), metavar="FRACTION", help="Grow hidden regions by this fraction of the short side."
)
@click.option(
    "--hold",
    type=Number(most=1e6),
    metavar="SECONDS",
    help="Keep a region covered for this long after its last detection.",
)
@click.option(
    "--keyframe-every",
    type=Whole(most=1_000_000),
    help="Run detection every N frames, and follow the motion in between.",
)
@click.option(
    "--recheck",
    type=Number(),
    metavar="FRACTION",
    help="Run detection early once motion is lost in this fraction of the frame.",
)
@MATCH_FIRST
@click.option("--filler", type=Setting(FILLERS), help="What to fill regions with, such as solid:colour=#204060.")
@click.option("--grain", type=Number(1, 1e5), metavar="PIXELS", help="Grain size of the noise.")
@click.option("--transport", type=click.Choice(get_args(Transport)), help="How the noise moves with the scene.")
@click.option("--palette", type=click.Choice(list(PALETTES)), help="Colours of the noise.")
@click.option(
    "--face-motion",
    is_flag=True,
    default=None,
    help="Let the noise follow lips and facial expressions. Speech can be read from it.",
)
@click.option(
    "--statistics",
    type=click.Choice([*STATISTICS, "video"]),
    help="Colour statistics of the noise; video: those of the input.",
)
@feature_options
@flow_options
@click.option("--seed", type=SEED, help="Make the noise reproducible, for experiments. Weakens protection.")
@click.option("-q", "--quiet", is_flag=True, help="Hide progress and summary.")
def command(sources: tuple[str, ...], output: str | None, preset: str, **options: Any) -> int:
    """Replace people, or parts of them, with noise that moves with the scene.

    IN is a video, an image, a folder of images, a numbered sequence (frames/%06d.png), camera:0, an RTSP or HTTP URL,
    or - for standard input. A folder that holds videos is processed with all
    folders below it. By default, whole persons are hidden.
    """  # fmt: skip
    quiet = options.pop("quiet")
    window = make_window(options)
    encoding = Encoding(
        codec=options.pop("codec"),
        quality=options.pop("quality"),
        speed=options.pop("speed"),
        overwrite=options.pop("overwrite"),
        audio=options.pop("audio"),
        metadata=",".join(options.pop("metadata")),
        colours=options.pop("colours"),
    )
    seed, preview, record = options.pop("seed"), options.pop("preview"), options.pop("record")
    audit, resume = options.pop("audit"), options.pop("resume")
    jobs, retries, cluster = options.pop("jobs"), options.pop("retries"), options.pop("cluster")
    if resume and not record:
        raise OptionError("--resume needs the manifest of each result; omit --no-record")
    chosen = take_settings(click.get_current_context(), options)
    learned = take_learned(click.get_current_context(), options)
    where = take_where(options)
    settings = _adjust(get_preset(preset), options)
    library = default_library() if chosen is None else chosen.library()
    if chosen is not None:
        where, settings, seed = chosen.where(), chosen.make_preset(), chosen.seed if seed is None else seed
        encoding = replace(encoding, audio=chosen.audio)
    images = encoding.codec in ("png", "jpg")
    read = [source_of(text) for text in sources]
    pairs = plan(read, output, images=images)
    if audit:
        _check_audits(pairs, overwrite=encoding.overwrite)
    if learned is not None:
        weak = learned_weaknesses(encoding)
    else:
        named = library.names(where.hide) if where.needs_templates else ()
        weak = weaknesses(settings, hide=named, encoding=encoding, seed=seed, strength=where.strength)
    for text in weak:
        say(f"motionveil: warning: {text}", error=True)
    for person in where.keep:
        say(f"motionveil: the person at {person.x:g},{person.y:g} stays visible", error=True)
    order = Order(
        where=where, preset=settings, library=library, obfuscator=learned, window=window, encoding=encoding,
        preview=preview, record=record, seed=seed,
    )  # fmt: skip

    def finish(result: Result) -> None:
        if learned is not None and learned.degradation.needs_previous and result.info.is_image:
            say(f"motionveil: warning: {learned.method} compares frames: a single image becomes plain grey", error=True)
        if not quiet:
            _summarise(result)
        if audit:
            # slow to import
            from ..audit import KnownMethod
            from .audit import run_audit

            source = next(str(source) for source, target in pairs if target == result.target)
            method = (
                None
                if learned
                else KnownMethod(settings, where, window, seed is not None, doubts=result.doubts, library=library)
            )
            run_audit(
                source, result.target, audit_path(result.target), method=method, window=window,
                overwrite=encoding.overwrite, quiet=quiet,
            )  # fmt: skip

    if len(pairs) == 1:
        if cluster is not None and not quiet:
            say("motionveil: a single file is processed on this machine, not on the cluster", error=True)
        source, target = pairs[0]
        with ProgressBar(source_name(source), quiet=quiet) as bar:
            made = make_one(source, target, order, resume=resume, on_progress=bar)
        if made is not None:
            finish(made)
        elif not quiet:
            say(f"{target}  (already complete)")
        return 0

    def then(result: Result) -> None:
        with bars.paused():
            finish(result)

    with Bars(quiet=quiet) as bars:
        run_batch(
            pairs, order, folder=output_folder(read, output), jobs=jobs, cluster=cluster, resume=resume,
            retries=retries, report=bars, then=then,
        )  # fmt: skip
    return bars.exit_code


def _check_audits(pairs: list[tuple[str | Path | int, Path]], *, overwrite: bool) -> None:
    """Raise OptionError early for results that cannot be audited."""
    from ..audit.report import check_place

    for source, target in pairs:
        if isinstance(source, int) or str(source) == "-" or "://" in str(source):
            raise OptionError(f"{source_name(source)} can be read only once, so it cannot be audited; omit --audit")
        check_place(audit_path(target), overwrite=overwrite, sources=(str(source), target))


def _adjust(preset: Preset, options: dict[str, Any]) -> Preset:
    """Apply the options of the command line to the preset."""
    coverage = replace(
        preset.coverage,
        **{
            key: options[key]
            for key in ("margin", "hold", "keyframe_every", "recheck", "match_first")
            if options[key] is not None
        },
    )
    if options["thresholds"] is not None:
        coverage = coverage.with_thresholds(*options["thresholds"])
    noise = {
        key: options[key]
        for key in ("grain", "transport", "statistics", "palette", "face_motion")
        if options[key] is not None
    }
    (features, feature_settings), (flow, flow_settings) = take_features(options), take_flow(options)
    preset = preset.with_features(features or preset.features, **feature_settings)
    preset = preset.with_flow(flow or preset.flow, **flow_settings)
    return replace(with_filler(preset, options["filler"], noise), coverage=coverage)


def _summarise(result: Result) -> None:
    frames = "1 image" if result.info.is_image else f"{result.num_frames} frame{'s' * (result.num_frames != 1)}"
    speed = result.num_frames / max(result.seconds, 1e-6)
    rate = f"{speed:.0f} fps" if speed >= 2 else f"{1 / max(speed, 1e-6):.1f} s per frame"
    say(f"{result.target}  ({frames} in {result.seconds:.1f} s, {rate})")
    if result.preview is not None:
        say(f"{result.preview} and {result.sheet} also show the original: protect them like the original")
