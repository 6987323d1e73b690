"""motionveil obfuscate"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click

from ..building import DEFAULT_HIDE, Networks
from ..errors import OptionError
from ..fillers import FILLERS
from ..noise import PALETTES, STATISTICS, Transport
from ..pipeline import Result, obfuscate_video
from ..places import audit_path, plan
from ..presets import PRESETS, Preset, get_preset
from ..templates import default_library
from ..video import CODECS, Encoding, source_name
from ..weaknesses import learned_weaknesses, weaknesses
from .fill import with_fill
from .learned import method_options, take_learned
from .networks import feature_options, flow_options, take_features, take_flow
from .numbers import SEED, Number, Whole
from .options import Names, Numbers, ProgressBar, Setting, each, make_window, source_of, window_options
from .regions import region_options, take_where
from .terminal import say


@click.command(name="obfuscate")
@click.argument("sources", nargs=-1, required=True, metavar="IN…")
@click.option(
    "-o",
    "--output",
    help="File, or folder to put the result in. Default: NAME_veiled beside the input.",
)
@click.option(
    "--hide",
    type=Names(),
    default=",".join(DEFAULT_HIDE),
    show_default=True,
    help="What to hide: hair, forehead, eyes, cheek, lips, hand, arm, torso, leg, other_person; the groups face, head, "
    "person, all, attributes; or your own templates. nothing: only what the options below say. "
    "Number plates, screens and text are not people: cover them with --area or --mask.",
)
@region_options
@method_options
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    default="secure",
    show_default=True,
    help="secure: what was found is covered completely. paper: as published (needs weights), paper_fast: nearly that "
    "and much faster; both are for research and protect nobody.",
)
@click.option(
    "--preview", is_flag=True, help="Also write input, saliency and output side by side (shows the original)."
)
@click.option("--audit", is_flag=True, help="Attack the result afterwards: OUT.audit/report.html (shows the original).")
@window_options
@click.option("--codec", type=click.Choice(list(CODECS)), help="Default: by the output's extension, else h264.")
@click.option("--quality", type=Whole(), help="The codec's constant quality; lower is better.")
@click.option("--speed", help="The codec's speed preset, for instance veryfast or medium.")
@click.option("--audio", type=click.Choice(["drop", "keep"]), default="drop", show_default=True)
@click.option("--metadata", type=click.Choice(["drop", "keep"]), default="drop", show_default=True)
@click.option("--overwrite", is_flag=True, help="Replace an output that exists.")
@click.option("--record/--no-record", default=True, show_default=True, help="Write settings and hashes to OUT.json.")
@click.option(
    "--opacity", type=Numbers("BEGIN,FULL", "0.2,0.4"), help="Saliency at which covering begins and is complete."
)
@click.option("--margin", type=Number(), help="Grow what is hidden by this share of the short side.")
@click.option("--hold", type=Number(most=1e6), help="Seconds for which a place stays covered after it was last found.")
@click.option(
    "--keyframe-every",
    type=Whole(most=1_000_000),
    help="Look for people in one frame of so many; follow the motion between.",
)
@click.option("--recheck", type=Number(), help="Look again early where the motion is lost in this share of the frame.")
@click.option(
    "--match-first", is_flag=True, default=None, help="Replace templates by what fits best in the first frame."
)
@click.option("--fill", type=Setting(FILLERS), help="What to replace it with, for instance solid:colour=#204060.")
@click.option("--grain", type=Number(1, 1e5), help="Size of the noise's grain in pixels.")
@click.option("--transport", type=click.Choice(get_args(Transport)), help="How noise moves with the scene.")
@click.option("--palette", type=click.Choice(list(PALETTES)), help="Colours of the noise that moves.")
@click.option(
    "--face-motion", is_flag=True, default=None, help="Let the noise show lips and faces moving, for those who need it."
)
@click.option("--statistics", type=click.Choice([*STATISTICS, "video"]), help="Range of the noise; video: its own.")
@feature_options
@flow_options
@click.option("--seed", type=SEED, help="For experiments: repeats a result, and weakens it.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no summary.")
def command(sources: tuple[str, ...], output: str | None, preset: str, **options: Any) -> int:
    """Replace parts of people by noise that moves with the scene.

    IN is a video, a picture, a folder of images, a numbered sequence (frames/%06d.png), camera:0, an RTSP or HTTP
    address, or - for standard input. Without options everything that belongs to a person is hidden.
    """  # fmt: skip
    quiet = options.pop("quiet")
    window = make_window(options)
    encoding = Encoding(
        codec=options.pop("codec"),
        quality=options.pop("quality"),
        speed=options.pop("speed"),
        overwrite=options.pop("overwrite"),
        audio=options.pop("audio"),
        metadata=options.pop("metadata"),
    )
    seed, preview, record = options.pop("seed"), options.pop("preview"), options.pop("record")
    audit = options.pop("audit")
    learned = take_learned(click.get_current_context(), options)
    where = take_where(options)
    settings = _adjust(get_preset(preset), options)
    images = encoding.codec in ("png", "jpg")
    pairs = plan([source_of(text) for text in sources], output, images=images)
    if audit:
        _check_audits(pairs, overwrite=encoding.overwrite)
    if learned is not None:
        weak = learned_weaknesses(encoding)
    else:
        named = default_library().names(where.hide) if where.needs_templates else ()
        weak = weaknesses(settings, hide=named, encoding=encoding, seed=seed, strength=where.strength)
    for text in weak:
        say(f"motionveil: warning: {text}", error=True)
    for person in where.keep:
        say(f"motionveil: the person at {person.x:g},{person.y:g} stays visible", error=True)
    how: dict[str, Any] = {"where": where, "networks": Networks(settings), "seed": seed}
    if learned is not None:
        how = {"obfuscator": learned}

    def work(pair: tuple[str | Path | int, Path]) -> None:
        source, target = pair
        with ProgressBar(source_name(source), quiet=quiet) as bar:
            result = obfuscate_video(
                source, target, **how, window=window, encoding=encoding, preview=preview, record=record,
                on_progress=bar,
            )  # fmt: skip
        if learned is not None and learned.degradation.needs_previous and result.info.is_image:
            say(f"motionveil: warning: {learned.method} compares frames: a picture becomes an even grey", error=True)
        if not quiet:
            _summarise(result)
        if audit:
            # Slow to import, and not needed otherwise.
            from ..audit import Method
            from .audit import run_audit

            method = None if learned else Method(settings, where, window, seed is not None, doubts=result.doubts)
            run_audit(
                str(source), target, audit_path(target), method=method, window=window, overwrite=encoding.overwrite,
                quiet=quiet,
            )  # fmt: skip

    return each(pairs, work)


def _check_audits(pairs: list[tuple[str | Path | int, Path]], *, overwrite: bool) -> None:
    """Say before anything takes long what would keep results from being audited."""
    from ..audit.report import check_place

    for source, target in pairs:
        if isinstance(source, int) or str(source) == "-" or "://" in str(source):
            raise OptionError(f"{source_name(source)} cannot be read twice, and not be audited; leave --audit out")
        check_place(audit_path(target), overwrite=overwrite, sources=(str(source), target))


def _adjust(preset: Preset, options: dict[str, Any]) -> Preset:
    """The preset with what was asked for on the command line."""
    coverage = replace(
        preset.coverage,
        **{
            key: options[key]
            for key in ("margin", "hold", "keyframe_every", "recheck", "match_first")
            if options[key] is not None
        },
    )
    if options["opacity"] is not None:
        begin, full = options["opacity"]
        if not 0 <= begin < full <= 1:
            raise OptionError(f"--opacity {begin:g},{full:g} must be two rising numbers within 0 and 1, like 0.2,0.4")
        coverage = coverage.with_opacity(begin, full)
    noise = {
        key: options[key]
        for key in ("grain", "transport", "statistics", "palette", "face_motion")
        if options[key] is not None
    }
    (features, feature_settings), (flow, flow_settings) = take_features(options), take_flow(options)
    preset = preset.with_features(features or preset.features, **feature_settings)
    preset = preset.with_flow(flow or preset.flow, **flow_settings)
    return replace(with_fill(preset, options["fill"], noise), coverage=coverage)


def _summarise(result: Result) -> None:
    frames = "1 picture" if result.info.is_image else f"{result.num_frames} frame{'s' * (result.num_frames != 1)}"
    speed = result.num_frames / max(result.seconds, 1e-6)
    rate = f"{speed:.0f} per second" if speed >= 2 else f"{1 / max(speed, 1e-6):.1f} s each"
    say(f"{result.target}  ({frames} in {result.seconds:.1f} s, {rate})")
    if result.preview is not None:
        say(f"{result.preview} and {result.sheet} show the original too: keep them as safe as the original")
