"""Fillers: what a region is replaced with. Each yields whole frames."""

from collections.abc import Callable
from functools import partial

from .figure_and_ground import FigureAndGround
from .filler import Filler
from .flat import MeanFill, SolidColour
from .inpainting import Inpainting
from .motion_noise import MotionNoise
from .reduced import GaussianBlur, Pixelation, Resampling
from .still_noise import IidNoise, StaticNoise

__all__ = [
    "FILLERS",
    "FigureAndGround",
    "Filler",
    "GaussianBlur",
    "IidNoise",
    "Inpainting",
    "MeanFill",
    "MotionNoise",
    "Pixelation",
    "Resampling",
    "SolidColour",
    "StaticNoise",
    "draws_ground",
]

FILLERS: dict[str, Callable[..., Filler]] = {
    "motion_noise": MotionNoise,
    "iid_noise": IidNoise,
    "static_noise": StaticNoise,
    "figure_and_ground": FigureAndGround,
    "blur": GaussianBlur,
    "blur_weak": partial(GaussianBlur, kernel=13, sigma=10.0),
    "blur_strong": partial(GaussianBlur, kernel=21, sigma=10.0),
    "blur_relative": partial(GaussianBlur, relative=0.15),
    "pixelate": Pixelation,
    "pixelate_4": partial(Pixelation, cell=4.0),
    "pixelate_16": partial(Pixelation, cell=16.0),
    "pixelate_relative": partial(Pixelation, relative=6.0),
    "mean_fill": MeanFill,
    "solid": SolidColour,
    "inpaint": Inpainting,
    "resample": Resampling,
}
"""Fillers by name. To add one, write a module and add a line here. Names with a suffix are published settings."""


def draws_ground(name: str) -> bool:
    """Whether the filler of this name also draws what surrounds a region, so that whole frames are to be replaced."""
    return bool(getattr(FILLERS.get(name), "draws_ground", False))
