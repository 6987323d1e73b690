"""Rank-1 re-identification: nearest neighbour among crops of given persons."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from ... import ops
from ..._core.types import UInt8Array
from .crops import Finder, PersonFinder, Place
from .embeddings import EMBEDDINGS, Crop, Embedding

OWN = "the person in the original"
_TIE = 1e-6


@dataclass(frozen=True)
class Rank1:
    """How often the nearest person is the right one. hits may be fractional, as ties share a hit.

    Crops of neighbouring frames are similar, so the effective number of independent queries is smaller.
    """

    hits: float
    queries: int

    @property
    def rate(self) -> float:
        """Fraction of correct queries; 0 if there are none."""
        return self.hits / self.queries if self.queries else 0.0


def rank1(gallery: Mapping[str, Sequence[Crop]], queries: Sequence[tuple[str, Crop]], embedding: Embedding) -> Rank1:
    """The fraction of queries (name, crop) whose nearest gallery crop, by cosine similarity, has the same name.

    If crops of several names are equally near, the hit is shared.
    """
    return _Known(gallery, embedding).ask([name for name, _ in queries], [crop for _, crop in queries])


class _Known:
    """A gallery with computed embeddings."""

    def __init__(self, gallery: Mapping[str, Sequence[Crop]], embedding: Embedding) -> None:
        self.embedding = embedding
        self.counts = {name: len(crops) for name, crops in gallery.items()}
        self._names = [name for name, crops in gallery.items() for _ in crops]
        crops = [crop for crops in gallery.values() for crop in crops]
        self._vectors = embedding(crops) if crops else None

    def ask(self, names: Sequence[str], crops: Sequence[Crop]) -> Rank1:
        """How often the nearest crop in the gallery has the right name."""
        if self._vectors is None or not crops:
            return Rank1(0.0, 0)
        hits = 0.0
        for name, row in zip(names, self.embedding(crops) @ self._vectors.T, strict=True):
            nearest = {self._names[i] for i in np.flatnonzero(row >= row.max() - _TIE)}
            hits += (name in nearest) / len(nearest)
        return Rank1(hits, len(crops))


@dataclass(frozen=True)
class Attempt:
    """The success of one embedding.

    Attributes:
        original: On the original, which shows whether this attacker works at all.
        output: On the output.
        recovered: On the result of each reconstruction attack.
        control: On inverted, rotated and recoloured crops of the output, which have the same texture but show nobody.
        luck: How often, from 0 to 1, such crops are recognised as well as the output. Uninformative crops of one clip
            are similar and share a nearest neighbour, so that their rate can be anything from 0 to 1. Only a rate
            above chance with low luck (0.1 or less) is recognition.
        original_luck: The same for the original: an embedding that cannot distinguish it from such crops is unusable.
        gallery: Number of known crops by person.
    """

    embedding: str
    original: Rank1
    output: Rank1
    control: Rank1
    luck: float
    original_luck: float
    recovered: Mapping[str, Rank1] = field(default_factory=dict)
    recovered_luck: Mapping[str, float] = field(default_factory=dict)
    gallery: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Identification:
    """Re-identification among several persons.

    chance: rate of a random guess. blind: names of embeddings that cannot see everybody, and were not used. not_run:
    why it was not attempted, in a sentence; None if it was.
    """

    persons: tuple[str, ...]
    chance: float
    attempts: tuple[Attempt, ...] = ()
    blind: tuple[str, ...] = ()
    not_run: str | None = None


def identify(
    persons: Mapping[str, Sequence[UInt8Array]],
    original: Sequence[UInt8Array],
    output: Sequence[UInt8Array],
    *,
    recovered: Mapping[str, Sequence[UInt8Array]] | None = None,
    name: str = OWN,
    faces: Sequence[Sequence[Sequence[float]]] | None = None,
    embeddings: Sequence[Embedding] | None = None,
    finder: Finder | None = None,
) -> Identification:
    """Run all embeddings to re-identify the output among `persons` and the person in the original.

    Args:
        persons: Images or frames (H, W, 3) uint8 RGB of any size by name.
        original: Frames of the clip in order, of one size. The first half is the attacker's knowledge of the person,
            the second half is queried.
        output: The same frames of the output. Persons are located in the original.
        recovered: The same frames as recovered by attacks, by name.
        name: Name of the person in the original; images under that name in `persons` are known too.
        faces: For each frame, boxes (x, y, width, height) detected in the original.
        embeddings: None for `face` and `appearance`.
        finder: Locates persons; None for `PersonFinder`.
    """
    finder, recovered = finder or PersonFinder(), recovered or {}
    everybody = tuple(dict.fromkeys([name, *persons]))
    if len(everybody) < 2:
        return Identification(everybody, 1.0, not_run="give at least one more person with --person NAME=FILE")
    places = [finder(frame, None if faces is None else faces[i]) for i, frame in enumerate(original)]
    half = len(original) // 2
    if sum(place is not None for place in places[:half]) == 0 or all(place is None for place in places[half:]):
        reason = "nobody was found in the original; use a longer part of it"
        return Identification(everybody, 1 / len(everybody), not_run=reason)
    others = {who: [(frame, finder(frame)) for frame in frames] for who, frames in persons.items()}
    attempts, blind = [], []
    for embedding in embeddings or [EMBEDDINGS["face"](), EMBEDDINGS["appearance"]()]:
        gallery = {name: _crops(original[:half], places[:half], embedding)}
        for who, found in others.items():
            theirs = _crops([frame for frame, _ in found], [place for _, place in found], embedding)
            gallery[who] = [*gallery.get(who, []), *theirs]
        if not all(gallery.values()):
            blind.append(embedding.name)  # a person whom it cannot see would never be chosen
            continue
        # Persons with more crops are found more often.
        fewest = min(len(crops) for crops in gallery.values())
        known = _Known({who: _evenly(crops, fewest) for who, crops in gallery.items()}, embedding)
        ask = partial(_ask, known, name, places[half:])
        control, luck = _control(known, name, _crops(output[half:], places[half:], embedding))
        returned = {attack: _crops(frames[half:], places[half:], embedding) for attack, frames in recovered.items()}
        attempts.append(
            Attempt(
                embedding.name,
                original=ask(original[half:]),
                output=ask(output[half:]),
                control=control,
                luck=luck,
                original_luck=_control(known, name, _crops(original[half:], places[half:], embedding))[1],
                recovered={attack: known.ask([name] * len(crops), crops) for attack, crops in returned.items()},
                recovered_luck={attack: _control(known, name, crops)[1] for attack, crops in returned.items()},
                gallery=known.counts,
            )
        )
    unseen = "not every given person has a recognisable face or body; give other images"
    return Identification(everybody, 1 / len(everybody), tuple(attempts), tuple(blind), None if attempts else unseen)


def _ask(known: _Known, name: str, places: Sequence[Place | None], frames: Sequence[UInt8Array]) -> Rank1:
    crops = _crops(frames, places, known.embedding)
    return known.ask([name] * len(crops), crops)


def _evenly(crops: Sequence[Crop], count: int) -> list[Crop]:
    """A number of crops, evenly spaced."""
    return [crops[i] for i in np.unique(np.linspace(0, len(crops) - 1, count).round().astype(int))]


_MAX_CONTROL = 8


def _control(known: _Known, name: str, crops: Sequence[Crop]) -> tuple[Rank1, float]:
    """How well crops that show nobody are recognised, and the fraction of such variants that do as well as `crops`.

    In noise, orientation, brightness and colours are exchangeable: the crops themselves are one draw of many from the
    same distribution, so this is a permutation test.
    """
    chosen = _evenly(crops, _MAX_CONTROL) if crops else []
    names = [name] * len(chosen)
    found = known.ask(names, chosen)
    if not found.hits:
        return Rank1(0.0, 0), 1.0  # there is nothing to explain
    spoilt = [
        known.ask(names, [_spoilt(crop, turns, mirrored, colours) for crop in chosen])
        for turns in range(4)
        for mirrored in (False, True)
        for colours in range(3)
        if (turns, mirrored) not in ((0, False), (0, True))  # where a face is still a face
    ]
    as_good = sum(one.rate >= found.rate for one in spoilt)
    pooled = Rank1(sum(one.hits for one in spoilt), sum(one.queries for one in spoilt))
    return pooled, (1 + as_good) / (1 + len(spoilt))


def _spoilt(crop: Crop, turns: int, mirrored: bool, colours: int) -> Crop:
    """The negative of a crop, rotated by quarter turns, optionally mirrored, with permuted colours."""
    height, width = crop.picture.shape[:2]
    picture = np.rot90(crop.picture[:, ::-1] if mirrored else crop.picture, turns)
    picture = 255 - np.roll(picture, colours, axis=2)
    # Quarter turns change the shape, which must match the mask's.
    return replace(crop, picture=ops.resize_image(np.ascontiguousarray(picture), (height, width)))


def _crops(frames: Sequence[UInt8Array], places: Sequence[Place | None], embedding: Embedding) -> list[Crop]:
    found = [None if p is None else p.crop(f, embedding.looks_at) for f, p in zip(frames, places, strict=True)]
    return [crop for crop in found if crop is not None]
