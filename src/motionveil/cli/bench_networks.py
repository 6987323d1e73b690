"""motionveil bench networks"""

from __future__ import annotations

import click

from ..bench.networks import NETWORKS
from .terminal import say


@click.command(name="networks")
def command() -> None:
    """List the networks, their inputs, and the source of their pretrained weights."""
    for name, network in NETWORKS.items():
        seen = f"{network.num_frames}x{network.frame_stride}" if network.level == "clip" else "frames"
        flow = " and flow" if network.flow else ""
        say(f"{name:<16} {network.level:<6} {seen:>6}  {network.size} px{flow}  {network.pretrained}".rstrip())
