"""Noise that moves with the scene: particles, or an image that is drawn once and warped by coordinates."""

from .carrying import camera_motion, hidden_motion, with_stiff_heads
from .field import NoiseField, Transport, default_grain
from .particles import ParticleField
from .picture import draw_noise
from .statistics import (
    IMAGENET,
    KINETICS,
    PALETTES,
    STATISTICS,
    UNIFORM,
    WIDE,
    NoiseStatistics,
    Palette,
    measure_statistics,
    statistics_of,
)
from .transport import TRANSPORTS, AccumulatedTransport, FirstFrameTransport, Layer, NoiseTransport

__all__ = [
    "IMAGENET",
    "KINETICS",
    "PALETTES",
    "STATISTICS",
    "TRANSPORTS",
    "UNIFORM",
    "WIDE",
    "AccumulatedTransport",
    "FirstFrameTransport",
    "Layer",
    "NoiseField",
    "NoiseStatistics",
    "NoiseTransport",
    "Palette",
    "ParticleField",
    "Transport",
    "camera_motion",
    "default_grain",
    "draw_noise",
    "hidden_motion",
    "measure_statistics",
    "statistics_of",
    "with_stiff_heads",
]
