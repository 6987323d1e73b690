"""motionveil hides who is in a video while keeping what they do.

    import motionveil
    motionveil.obfuscate_video("in.mp4", "out.mp4", hide=["head", "hand"])

Heavy modules are imported on first use, so that ``import motionveil`` is fast.
"""

from __future__ import annotations

import os
from importlib import import_module

from ._core.errors import (
    DependencyError,
    InputError,
    MotionveilError,
    OptionError,
    OutputError,
    SourceWarning,
    TemplateError,
    TruncatedError,
    TruncationWarning,
    WeightsError,
)

# Importing `typing` takes time during which an interrupt of the command line would print a traceback.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._core.types import Clip, Point, VideoInfo
    from .audit import Attackers, Audit, audit_video
    from .detection.features import DescriptorGrid, FeatureExtractor, PartsEncoder, ViTEncoder
    from .detection.saliency import saliency_maps
    from .detection.template_transfer import Found, find_templates
    from .detection.templates import Template, TemplateLibrary, built_in_library, default_library, make_template
    from .fillers import (
        FILLERS,
        FigureAndGround,
        Filler,
        GaussianBlur,
        IidNoise,
        Inpainting,
        MeanFill,
        MotionNoise,
        Pixelation,
        Resampling,
        SolidColour,
        StaticNoise,
    )
    from .flow import DISFlow, FlowEstimator, RAFTFlow, with_motion
    from .learned import LearnedObfuscator, load_learned
    from .models.weights import WEIGHTS, Weights, fetch_weights, find_weights
    from .noise import NoiseField, NoiseStatistics
    from .obfuscation.factory import Networks, build_obfuscator, make_filler
    from .obfuscation.obfuscators import Explained, Obfuscator, Selective
    from .obfuscation.presets import PRESETS, Preset
    from .pipeline.arrays import obfuscate_frames, obfuscate_image
    from .pipeline.obfuscation import Result, obfuscate_video
    from .pipeline.runner import Progress, Window, first_frames
    from .pipeline.saliency_export import write_saliency
    from .pipeline.step_export import Export, write_export
    from .regions import (
        REGIONS,
        Coverage,
        Difference,
        FigureOnGround,
        FollowedPerson,
        Intersection,
        Inverse,
        MaskVideo,
        Pick,
        Polygon,
        Rectangle,
        Region,
        Strength,
        TemplateSaliency,
        Union,
        Where,
        WholeFrame,
    )
    from .video import Encoding, Source, Video, VideoWriter, open_source, open_video, probe, read_picture

    __version__: str

# OpenCV reads this on import. It bounds the memory for small files that declare huge images.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**28))

_LAZY = {
    "audit": ("Attackers", "Audit", "audit_video"),
    "obfuscation.factory": ("Networks", "build_obfuscator", "make_filler"),
    "pipeline.step_export": ("Export", "write_export"),
    "detection.features": ("DescriptorGrid", "FeatureExtractor", "PartsEncoder", "ViTEncoder"),
    "fillers": (
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
    ),
    "flow": ("DISFlow", "FlowEstimator", "RAFTFlow", "with_motion"),
    "learned": ("LearnedObfuscator", "load_learned"),
    "pipeline.saliency_export": ("write_saliency",),
    "noise": ("NoiseField", "NoiseStatistics"),
    "obfuscation.obfuscators": ("Explained", "Obfuscator", "Selective"),
    "pipeline.obfuscation": ("Result", "obfuscate_video"),
    "pipeline.arrays": ("obfuscate_frames", "obfuscate_image"),
    "pipeline.runner": ("Progress", "Window", "first_frames"),
    "obfuscation.presets": ("PRESETS", "Preset"),
    "regions": (
        "REGIONS",
        "Coverage",
        "Difference",
        "FigureOnGround",
        "FollowedPerson",
        "Intersection",
        "Inverse",
        "MaskVideo",
        "Pick",
        "Polygon",
        "Rectangle",
        "Region",
        "Strength",
        "TemplateSaliency",
        "Union",
        "Where",
        "WholeFrame",
    ),
    "detection.saliency": ("saliency_maps",),
    "detection.templates": ("Template", "TemplateLibrary", "built_in_library", "default_library", "make_template"),
    "detection.template_transfer": ("Found", "find_templates"),
    "_core.types": ("Clip", "Point", "VideoInfo"),
    "video": ("Encoding", "Source", "Video", "VideoWriter", "open_source", "open_video", "probe", "read_picture"),
    "models.weights": ("WEIGHTS", "Weights", "fetch_weights", "find_weights"),
}
_HOME = {name: module for module, names in _LAZY.items() for name in names}

__all__ = [
    "FILLERS",
    "PRESETS",
    "REGIONS",
    "WEIGHTS",
    "Attackers",
    "Audit",
    "Clip",
    "Coverage",
    "DISFlow",
    "DependencyError",
    "DescriptorGrid",
    "Difference",
    "Encoding",
    "Explained",
    "Export",
    "FeatureExtractor",
    "FigureAndGround",
    "FigureOnGround",
    "Filler",
    "FlowEstimator",
    "FollowedPerson",
    "Found",
    "GaussianBlur",
    "IidNoise",
    "Inpainting",
    "InputError",
    "Intersection",
    "Inverse",
    "LearnedObfuscator",
    "MaskVideo",
    "MeanFill",
    "MotionNoise",
    "MotionveilError",
    "Networks",
    "NoiseField",
    "NoiseStatistics",
    "Obfuscator",
    "OptionError",
    "OutputError",
    "PartsEncoder",
    "Pick",
    "Pixelation",
    "Point",
    "Polygon",
    "Preset",
    "Progress",
    "RAFTFlow",
    "Rectangle",
    "Region",
    "Resampling",
    "Result",
    "Selective",
    "SolidColour",
    "Source",
    "SourceWarning",
    "StaticNoise",
    "Strength",
    "Template",
    "TemplateError",
    "TemplateLibrary",
    "TemplateSaliency",
    "TruncatedError",
    "TruncationWarning",
    "Union",
    "ViTEncoder",
    "Video",
    "VideoInfo",
    "VideoWriter",
    "Weights",
    "WeightsError",
    "Where",
    "WholeFrame",
    "Window",
    "audit_video",
    "build_obfuscator",
    "built_in_library",
    "default_library",
    "fetch_weights",
    "find_templates",
    "find_weights",
    "first_frames",
    "load_learned",
    "make_filler",
    "make_template",
    "obfuscate_frames",
    "obfuscate_image",
    "obfuscate_video",
    "open_source",
    "open_video",
    "probe",
    "read_picture",
    "saliency_maps",
    "with_motion",
    "write_export",
    "write_saliency",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("motionveil")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
