"""One frame of a film as the settings would hide it, soon enough to be looked at while somebody chooses."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict, deque
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Generic, Literal, TypeVar

from .. import drawing, ops
from .._core.errors import InputError
from .._core.types import Clip, Float32Array, Point, UInt8Array
from ..detection.features import DescriptorGrid, Detailed, FeatureExtractor
from ..detection.saliency import saliency_maps
from ..detection.templates import make_template
from ..obfuscation.factory import Networks, assemble
from ..obfuscation.obfuscators import Explained
from ..obfuscation.presets import Preset
from ..ops import Mask
from ..pipeline.obfuscation import region_for
from ..pipeline.runner import Window, first_frames
from ..pipeline.settings_file import ClickedTemplate, Settings
from ..video import open_source
from .correction import Somebody, somebody_at
from .project import Film, Moment

View = Literal["original", "hidden", "result"]
VIEWS: tuple[View, ...] = ("original", "hidden", "result")
_BEFORE = 1
"""Frames before the one that is shown, so that there is motion."""
_LONGEST = 1600
"""Pixels of the longer side of what is shown."""
_FOUND = 0.3
"""Opacity from which a place is found."""
_MATCHES = 0.5
"""Saliency from which a place is like a template."""
Key = TypeVar("Key")
Value = TypeVar("Value")


class _Recent(Generic[Key, Value]):
    """The values that were used last."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[Key, Value] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        if key in self._values:
            self._values.move_to_end(key)
        return self._values.get(key)

    def keep(self, key: Key, value: Value) -> Value:
        self._values[key] = value
        while len(self._values) > self._most:
            self._values.popitem(last=False)
        return value


class Remembering:
    """An extractor that remembers what it said of the last frames: whoever chooses looks at one frame many times."""

    def __init__(self, extractor: FeatureExtractor, *, most: int = 3) -> None:
        self._extractor, self._most = extractor, most
        self._known: _Recent[bytes, DescriptorGrid] = _Recent(most)
        self._details: dict[tuple[int, int], FeatureExtractor | None] = {}

    @property
    def fingerprint(self) -> str:
        """That of the extractor."""
        return self._extractor.fingerprint

    @property
    def channels(self) -> int:
        """Those of the extractor."""
        return self._extractor.channels

    def __call__(self, frames: UInt8Array) -> DescriptorGrid:
        """Descriptors of frames."""
        key = hashlib.blake2b(frames.tobytes()).digest()
        known = self._known.get(key)
        return known if known is not None else self._known.keep(key, self._extractor(frames))

    def in_detail(self, height: int, width: int) -> FeatureExtractor | None:
        """The same for its closer look."""
        if (height, width) not in self._details:
            found = self._extractor.in_detail(height, width) if isinstance(self._extractor, Detailed) else None
            self._details[height, width] = None if found is None else Remembering(found, most=self._most)
        return self._details[height, width]


class _RememberingNetworks(Networks):
    """Networks whose extractors remember."""

    def __init__(self, preset: Preset) -> None:
        super().__init__(preset)
        self._remembering: dict[bool, Remembering] = {}

    def extractor(self, *, still: bool = False, frames: object = None) -> FeatureExtractor:
        """As in `Networks`."""
        if still not in self._remembering:
            self._remembering[still] = Remembering(super().extractor(still=still, frames=frames))  # type: ignore[arg-type]
        return self._remembering[still]


@dataclass(frozen=True)
class Look:
    """What a frame looks like: original, with what is hidden painted over it, and hidden. time: of the frame."""

    time: float
    original: UInt8Array
    hidden: UInt8Array
    result: UInt8Array


class Previewer:
    """Makes looks at frames; one at a time, whoever asks. Networks are loaded once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._networks: _Recent[str, _RememberingNetworks] = _Recent(2)
        self._frames: _Recent[tuple[Path, float], tuple[Clip, ...]] = _Recent(3)
        self._looks: _Recent[tuple[Path, float, Settings], Look] = _Recent(4)

    def frame(self, path: Path, film: Film, time: float) -> UInt8Array:
        """(H, W, 3) uint8: the frame that is on the screen at a time. Raises InputError where there is none."""
        with self._lock:
            shown: UInt8Array = self._clips(path, film, time)[-1].frames[-1]
            return shown

    def look(self, path: Path, film: Film, time: float, settings: Settings) -> Look:
        """What a frame looks like with these settings. Raises MotionveilError."""
        with self._lock:
            known = self._looks.get((path, time, settings))
            return known or self._looks.keep((path, time, settings), self._made(path, film, time, settings))

    def template(
        self, path: Path, film: Film, settings: Settings, name: str, x: float, y: float, time: float
    ) -> tuple[ClickedTemplate, float, str | None]:
        """A template from a place in a frame, the share of the frame that it matches, and the one that is most alike.

        Raises OptionError and TemplateError.
        """
        with self._lock:
            image = self._clips(path, film, time)[-1].frames[-1]
            extractor = self._networks_for(settings).extractor(still=film.is_image, frames=image[None])
            made = make_template(name, image, Point(x, y), extractor, origin=f"{film.name} at {x:g},{y:g}, {time:g} s")
            clicked = ClickedTemplate.of(made, x, y, time)
            share = float((saliency_maps(image, [made], extractor)[0] >= _MATCHES).mean())
            others = [each for each in settings.library().made_with(extractor.fingerprint) if each.name != name]
            closest = max(others, key=lambda each: float(each.vector @ made.vector), default=None)
            return clicked, share, None if closest is None else closest.name

    def matches(self, path: Path, film: Film, time: float, settings: Settings, name: str) -> UInt8Array:
        """A frame with what is like a template of the project painted over it. Raises TemplateError."""
        with self._lock:
            image = self._clips(path, film, time)[-1].frames[-1]
            extractor = self._networks_for(settings).extractor(still=film.is_image, frames=image[None])
            template = settings.library().made_with(extractor.fingerprint).select([name])
            return drawing.overlay(image, saliency_maps(image, template, extractor)[0])

    def somebody(self, path: Path, film: Film, settings: Settings, x: float, y: float, time: float) -> Somebody:
        """Where somebody who was missed may be, around a point of a frame. Raises OptionError outside the frame."""
        with self._lock:
            image = self._clips(path, film, time)[-1].frames[-1]
            extractor = self._networks_for(settings).extractor(still=film.is_image, frames=image[None])
            seer = extractor if settings.make_preset().strict else Networks("secure").extractor(still=film.is_image)
            return somebody_at(image, Point(x, y), seer)

    def found_at(self, path: Path, film: Film, settings: Settings, x: float, y: float, time: float) -> Mask | None:
        """(H, W) bool: the piece that is found at a point of a frame by the names to hide; None where there is none."""
        with self._lock:
            bare = replace(settings, areas=(), keep=(), leave_out=(), whole_frame=False)
            if not bare.hide:
                return None
            opacity = self._opacity(path, film, time, bare)
            _, pieces = ops.pieces(opacity > _FOUND)
            row, column = (min(max(0, round(at)), side - 1) for at, side in zip((y, x), pieces.shape, strict=True))
            number = pieces[row, column]
            return None if number == 0 else pieces == number

    def _made(self, path: Path, film: Film, time: float, settings: Settings) -> Look:
        clips = self._clips(path, film, time)
        original, shown = clips[-1].frames[-1], clips[-1].pts[-1]
        settings = _of_the_moment(settings, clips[0].pts[0], shown)
        if settings.hides_nothing:
            return Look(float(shown), original, drawing.overlay(original, ops.zeros(original.shape[:2])), original)
        last = self._explained(path, clips, settings)
        result, opacity = ops.to_host(last.obfuscated.frames[-1]), ops.to_host(last.opacity[-1])
        return Look(float(shown), original, drawing.overlay(original, opacity), result)

    def _opacity(self, path: Path, film: Film, time: float, settings: Settings) -> Float32Array:
        """(H, W) of the frame at a time."""
        last = self._explained(path, self._clips(path, film, time), settings)
        opacity: Float32Array = ops.to_host(last.opacity[-1])
        return opacity

    def _explained(self, path: Path, clips: tuple[Clip, ...], settings: Settings) -> Explained:
        networks = self._networks_for(settings)
        with open_source(path) as source:
            info = source.info
        region, flow, _ = region_for(
            networks,
            info,
            settings.where(),
            settings.library(),
            frames=lambda: first_frames(path, Window()),
            whole=False,
        )
        method = assemble(
            settings.make_preset(), region, flow, seed=settings.seed, frames=lambda: first_frames(path, Window())
        )
        with ops.single_threaded():
            *_, last = method.explain(iter(clips))
        return last

    def _networks_for(self, settings: Settings) -> _RememberingNetworks:
        key = f"{settings.preset} {settings.smallest_person}"
        known = self._networks.get(key)
        return known or self._networks.keep(key, _RememberingNetworks(settings.make_preset()))

    def _clips(self, path: Path, film: Film, time: float) -> tuple[Clip, ...]:
        known = self._frames.get((path, time))
        return known or self._frames.keep((path, time), frames_until(path, film, time))


def frames_until(path: Path, film: Film, time: float) -> tuple[Clip, ...]:
    """The frame that is on the screen at a time and those just before it, each a clip.

    Raises InputError where there is none.
    """
    if film.is_image:
        with open_source(path) as source:
            return tuple(source)
    step = 1 / film.frame_rate
    for begin in (max(0.0, time - (_BEFORE + 1.5) * step), 0.0):
        last: deque[Clip] = deque(maxlen=_BEFORE + 1)
        try:
            with open_source(path, start=begin or None, end=time + step / 2, clip_length=1) as source:
                last.extend(source)
        except InputError:
            # Frames may lie far apart, or begin late.
            if begin == 0.0:
                break
        if last:
            return tuple(replace(clip, start=index) for index, clip in enumerate(last))
    with open_source(path, clip_length=1) as source:
        return (next(iter(source)),)


def _of_the_moment(settings: Settings, first: Fraction, last: Fraction) -> Settings:
    """Those areas and people alone that frames from the first to the last can tell of; the others come with the run."""
    areas = tuple(
        area
        for area in settings.areas
        if (area.times[0] or 0) <= last and (area.times[1] is None or last < area.times[1])
    )
    keep, leave_out = (
        tuple(pick for pick in picks if first <= Fraction(pick.time).limit_denominator(1_000_000) <= last)
        for picks in (settings.keep, settings.leave_out)
    )
    return replace(settings, areas=areas, keep=keep, leave_out=leave_out)


def as_jpeg(picture: UInt8Array) -> bytes:
    """A picture as it is sent, not larger than screens are."""
    longest = max(picture.shape[:2])
    if longest > _LONGEST:
        picture = drawing.thumbnail(picture, max(1, round(picture.shape[0] * _LONGEST / longest)))
    return drawing.encode_image(picture, ".jpg")


def moment_picture(original: UInt8Array, result: UInt8Array, moment: Moment, *, height: int = 150) -> UInt8Array:
    """The place of a moment of doubt before and after, side by side; with its surroundings."""
    marked = original.copy()
    drawing.outline(marked, moment.box)
    return drawing.side_by_side([drawing.thumbnail(_around(each, moment), height) for each in (marked, result)])


def _around(picture: UInt8Array, moment: Moment) -> UInt8Array:
    """What lies around a box, in the shape 4 to 3 where the frame has room for it."""
    rows, columns = picture.shape[:2]
    left, top, width, height = moment.box
    high = min(rows, max(height * 2, width * 3 // 2, rows // 3, 8))
    wide = min(columns, max(8, high * 4 // 3))
    first_row = min(max(0, top + height // 2 - high // 2), rows - high)
    first_column = min(max(0, left + width // 2 - wide // 2), columns - wide)
    return picture[first_row : first_row + high, first_column : first_column + wide]
