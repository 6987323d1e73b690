"""Who is it, among the persons given: the nearest neighbour of what is left."""

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
    """How often the nearest person is the right one. hits may be a fraction: ties share a hit.

    Crops of neighbouring frames are nearly the same: so many queries are fewer independent ones.
    """

    hits: float
    queries: int

    @property
    def rate(self) -> float:
        """Share of the queries, 0 where there are none."""
        return self.hits / self.queries if self.queries else 0.0


def rank1(gallery: Mapping[str, Sequence[Crop]], queries: Sequence[tuple[str, Crop]], embedding: Embedding) -> Rank1:
    """The share of queries (name, crop) whose nearest crop of the gallery, by cosine, is of the same name.

    Where crops of several names are equally near, each name gets its share of the hit.
    """
    return _Known(gallery, embedding).ask([name for name, _ in queries], [crop for _, crop in queries])


class _Known:
    """A gallery whose crops have been looked at."""

    def __init__(self, gallery: Mapping[str, Sequence[Crop]], embedding: Embedding) -> None:
        self.embedding = embedding
        self.counts = {name: len(crops) for name, crops in gallery.items()}
        self._names = [name for name, crops in gallery.items() for _ in crops]
        crops = [crop for crops in gallery.values() for crop in crops]
        self._vectors = embedding(crops) if crops else None

    def ask(self, names: Sequence[str], crops: Sequence[Crop]) -> Rank1:
        """How often the nearest crop of those that are known is of the right name."""
        if self._vectors is None or not crops:
            return Rank1(0.0, 0)
        hits = 0.0
        for name, row in zip(names, self.embedding(crops) @ self._vectors.T, strict=True):
            nearest = {self._names[i] for i in np.flatnonzero(row >= row.max() - _TIE)}
            hits += (name in nearest) / len(nearest)
        return Rank1(hits, len(crops))


@dataclass(frozen=True)
class Attempt:
    """One embedding's success.

    original: on the original, which shows whether this attacker works at all. output: on what is released. recovered:
    on what each reconstruction recovered. control: on negatives of the output's crops, turned and in other colours,
    which have the same texture and show nobody. luck: how often, from 0 to 1, such crops are recognised as well as the
    output. Crops of one clip that tell nothing look alike and have the same nearest neighbour, so that their rate is
    anything from 0 to 1: only a rate above chance with little luck (0.1 or less) is recognition.
    original_luck: the same for the original: an embedding that cannot tell it from crops that show nobody cannot judge.
    gallery: number of crops that are known, by person.
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
    """Re-identification among some persons.

    chance: rate of a guess. blind: names of embeddings that cannot see everybody, and were not asked. not_run: in a
    sentence, why it was not tried; None where it was.
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
    """Ask every embedding who is in the output, among `persons` and the person in the original itself.

    persons: name → pictures or frames (H, W, 3) uint8 RGB of any size. original, output, and what attacks recovered:
    the same moments of the clip in order, frames of one size. The first half of the original is what the attacker knows
    of the person (`name`; pictures under that name in `persons` are known too), the second half is asked. Places are
    those in the original, also for the output.
    faces: for every moment the boxes (x, y, width, height) that a detector found in the original.
    embeddings: default `face` and `appearance`.
    """
    finder, recovered = finder or PersonFinder(), recovered or {}
    everybody = tuple(dict.fromkeys([name, *persons]))
    if len(everybody) < 2:
        return Identification(everybody, 1.0, not_run="give at least one more person with --person NAME=FILE")
    places = [finder(frame, None if faces is None else faces[i]) for i, frame in enumerate(original)]
    half = len(original) // 2
    if sum(place is not None for place in places[:half]) == 0 or all(place is None for place in places[half:]):
        reason = "nobody was found in the original; give a longer part of it"
        return Identification(everybody, 1 / len(everybody), not_run=reason)
    others = {who: [(frame, finder(frame)) for frame in frames] for who, frames in persons.items()}
    attempts, blind = [], []
    for embedding in embeddings or [EMBEDDINGS["face"](), EMBEDDINGS["appearance"]()]:
        gallery = {name: _crops(original[:half], places[:half], embedding)}
        for who, found in others.items():
            theirs = _crops([frame for frame, _ in found], [place for _, place in found], embedding)
            gallery[who] = [*gallery.get(who, []), *theirs]
        if not all(gallery.values()):
            blind.append(embedding.name)  # somebody whom it cannot see would never be chosen
            continue
        # Who is known better is found more often.
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
    unseen = "not everybody given shows a face or a body that could be found; give other pictures"
    return Identification(everybody, 1 / len(everybody), tuple(attempts), tuple(blind), None if attempts else unseen)


def _ask(known: _Known, name: str, places: Sequence[Place | None], frames: Sequence[UInt8Array]) -> Rank1:
    crops = _crops(frames, places, known.embedding)
    return known.ask([name] * len(crops), crops)


def _evenly(crops: Sequence[Crop], count: int) -> list[Crop]:
    """So many of the crops, spread over all."""
    return [crops[i] for i in np.unique(np.linspace(0, len(crops) - 1, count).round().astype(int))]


_MAX_CONTROL = 8


def _control(known: _Known, name: str, crops: Sequence[Crop]) -> tuple[Rank1, float]:
    """How well crops that show nobody are recognised, and the share of ways to make them that do as well as `crops`.

    In noise, up is as good as down, dark as bright and red as green: the crops themselves are then one draw of many
    from the same distribution, and this is a permutation test.
    """
    chosen = _evenly(crops, _MAX_CONTROL) if crops else []
    names = [name] * len(chosen)
    found = known.ask(names, chosen)
    if not found.hits:
        return Rank1(0.0, 0), 1.0  # nothing needs to be explained
    spoilt = [
        known.ask(names, [_spoilt(crop, turns, mirrored, colours) for crop in chosen])
        for turns in range(4)
        for mirrored in (False, True)
        for colours in range(3)
        if (turns, mirrored) not in ((0, False), (0, True))  # in which a face is still a face
    ]
    as_good = sum(one.rate >= found.rate for one in spoilt)
    pooled = Rank1(sum(one.hits for one in spoilt), sum(one.queries for one in spoilt))
    return pooled, (1 + as_good) / (1 + len(spoilt))


def _spoilt(crop: Crop, turns: int, mirrored: bool, colours: int) -> Crop:
    """The negative of a crop, turned by quarters, perhaps mirrored, its colours exchanged."""
    height, width = crop.picture.shape[:2]
    picture = np.rot90(crop.picture[:, ::-1] if mirrored else crop.picture, turns)
    picture = 255 - np.roll(picture, colours, axis=2)
    # Quarter turns change the shape, which has to be the mask's.
    return replace(crop, picture=ops.resize_image(np.ascontiguousarray(picture), (height, width)))


def _crops(frames: Sequence[UInt8Array], places: Sequence[Place | None], embedding: Embedding) -> list[Crop]:
    found = [None if p is None else p.crop(f, embedding.looks_at) for f, p in zip(frames, places, strict=True)]
    return [crop for crop in found if crop is not None]
