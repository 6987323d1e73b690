"""motionveil doctor"""

from __future__ import annotations

import os
import time
from importlib.util import find_spec

import click
import numpy as np

from .._core.errors import MotionveilError
from ..detection.features import PartsEncoder
from ..detection.templates import built_in_library, default_library, user_library_path
from ..models.engine import cache_folder, describe_engine
from ..models.weights import WEIGHTS, locate
from ..outputs.run_manifest import library_versions
from ..video import CODECS, codec_available
from .terminal import say

EXTRAS = {"torch": "torch"}
"""Module → the extra that installs it."""


@click.command(name="doctor")
def command() -> int:
    """Check the installation: versions, engines, codecs and weights. Exits with 2 if obfuscation cannot run."""
    healthy = True
    for name, number in library_versions().items():
        say(f"{name:<24}{number}")
    say(f"{'processors':<24}{os.cpu_count()}")
    try:
        encoder = PartsEncoder(short_side=320)
        frame = np.random.default_rng(0).integers(0, 256, (1, 480, 640, 3), np.uint8)
        encoder(frame)
        begin = time.perf_counter()
        for _ in range(5):
            encoder(frame)
        milliseconds = (time.perf_counter() - begin) / 5 * 1000
        say(f"{'encoder':<24}{encoder.network.engine}, {milliseconds:.1f} ms per 640x480 frame")
        made_for = {template.fingerprint for template in built_in_library()}
        fits = made_for == {encoder.fingerprint}
        say(f"{'templates':<24}{len(default_library())}, yours in {user_library_path()}")
        if not fits:
            say("problem: the built-in templates belong to another encoder; reinstall motionveil")
        healthy = fits
    except MotionveilError as error:
        say(f"problem: {error}")
        healthy = False
    missing = [name for name in CODECS if not codec_available(name)]
    say(f"{'codecs':<24}{', '.join(name for name in CODECS if name not in missing)}")
    if missing:
        say(f"{'codecs missing':<24}{', '.join(missing)}; another build of PyAV may provide them")
    for module, extra in EXTRAS.items():
        state = (
            "installed" if find_spec(module) else f"not installed; for DINO and RAFT: pip install 'motionveil[{extra}]'"
        )
        say(f"{module:<24}{state}")
    say(f"{'DINO and RAFT run on':<24}{describe_engine()}")
    kept = [path for path in cache_folder().rglob("*") if path.is_file()]
    size = sum(path.stat().st_size for path in kept) / 1e6
    say(f"{'networks':<24}{size:.0f} MB in {cache_folder()}, safe to delete")
    here = [weights.name for weights in WEIGHTS.values() if locate(weights)]
    say(f"{'weights':<24}{', '.join(here) or 'none; only optional networks need them: motionveil weights list'}")
    say(f"{'network':<24}never used by motionveil on its own; no telemetry")
    return 0 if healthy else 2
