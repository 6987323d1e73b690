"""Photographs with a label per pixel, and their split.

DIR, as everywhere in this recipe, holds ``parts``, ``parts_indoor`` and ``wild``; see the model card for what they are.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]
Box = tuple[float, float, float, float]

CLASSES = ("background", "hair", "forehead", "eyes", "cheek", "lips", "hand", "arm", "torso", "leg", "other_person")
ATTRIBUTES = CLASSES[1:]
HEAD, PERSON, DOUBTFUL = 11, 12, 13
"""Labels of a head and of a person whose parts are not known, and of background in which somebody may have been
overlooked."""
IGNORE = 255
MEMBERS = {
    **{label: (label,) for label in range(len(CLASSES))},
    HEAD: (1, 2, 3, 4, 5, 10),
    PERSON: tuple(range(1, len(CLASSES))),
    DOUBTFUL: (0,),
}
"""What each label may be of `CLASSES`."""
DOMAINS = {"street": "parts", "indoor": "parts_indoor"}
"""Domains whose attributes are all labelled: those that are evaluated."""
TEST_COUNT = {"street": 100, "indoor": 80}
VALIDATION_COUNT = {"street": 40, "indoor": 40, "wild": 60, "empty": 60}


@dataclass(frozen=True)
class Photo:
    """One photograph and its label per pixel, each with halved copies so that strong downscaling does not alias.

    height: pixels from the top to the bottom of the labelled persons. heads: (left, top, width, height) of every head.
    """

    name: str
    domain: str
    images: tuple[UInt8Array, ...]
    labels: UInt8Array
    height: float
    heads: tuple[Box, ...] = field(default=())


def by_checksum(names: Iterator[str]) -> list[str]:
    """An order that depends neither on a random generator nor on a file system."""
    return sorted(names, key=lambda name: (zlib.crc32(name.encode()), name))


def split_names(root: Path, domain: str) -> dict[str, list[str]]:
    """File stems of a labelled domain per split: 'test', 'validation' and 'train'."""
    folder = root / DOMAINS[domain] / "images"
    names = by_checksum(path.stem for path in folder.glob("*.jpg"))
    if not names:
        raise SystemExit(f"no photographs in {folder}; give the folder that holds parts/ and parts_indoor/ with --data")
    test, validation = TEST_COUNT[domain], VALIDATION_COUNT[domain]
    return {"test": names[:test], "validation": names[test : test + validation], "train": names[test + validation :]}


def split_paths(root: Path, domain: str) -> dict[str, list[Path]]:
    """Photographs of the domains 'wild' and 'empty' per split: 'validation' and 'train'."""
    folder = root / "wild" / {"wild": "people", "empty": "empty"}[domain]
    paths = {str(path.relative_to(folder)): path for path in folder.glob("*/*.*")}
    if not paths:
        raise SystemExit(f"no photographs in {folder}; give the folder that holds wild/ with --data")
    names = by_checksum(iter(paths))
    count = VALIDATION_COUNT[domain]
    return {"validation": [paths[n] for n in names[:count]], "train": [paths[n] for n in names[count:]]}


def load_photo(root: Path, domain: str, name: str) -> Photo:
    """One photograph (RGB) of a domain in which every attribute is labelled."""
    folder = root / DOMAINS[domain]
    image = read_image(folder / "images" / f"{name}.jpg")
    labels = read_labels(folder / "labels" / f"{name}.png")
    return make_photo(name, domain, image, labels)


_WILD = np.full(256, IGNORE, np.uint8)
_WILD[[0, 1, 2, 3, 4, 5, 254]] = [0, HEAD, 7, 6, 8, 9, PERSON]


def load_wild(path: Path, labels_folder: Path | None = None) -> Photo:
    """One photograph of people anywhere. labels_folder: labels whose heads are split, see `split_heads`."""
    image, group = read_image(path), path.parent.name
    root = path.parents[2]
    if labels_folder is not None and (labels_folder / group / f"{path.stem}.png").exists():
        labels = read_labels(labels_folder / group / f"{path.stem}.png")
    else:
        labels = _WILD[read_labels(root / "labels" / group / f"{path.stem}.png")]
        boxes = root / "boxes" / group / f"{path.stem}.txt"
        if boxes.exists():
            labels = with_head_boxes(labels, boxes.read_text(encoding="utf-8"))
    return make_photo(f"{path.parent.name}/{path.stem}", "wild", image, labels)


def load_empty(path: Path) -> Photo:
    """One photograph without a person."""
    image = read_image(path)
    return make_photo(f"{path.parent.name}/{path.stem}", "empty", image, np.zeros(image.shape[:2], np.uint8))


def with_head_boxes(labels: UInt8Array, boxes: str) -> UInt8Array:
    """Labels in which every box (lines of kind and x0 y0 x1 y1) is a head, also where they disagreed; what lies within
    a head's height of one that they had overlooked is ignored, since its body was overlooked too.
    """
    overlooked = []
    for line in filter(None, map(str.strip, boxes.splitlines())):
        x0, y0, x1, y1 = (float(value) for value in line.split()[1:5])
        ellipse = np.zeros(labels.shape, np.uint8)
        centre, axes = (round((x0 + x1) / 2), round((y0 + y1) / 2)), (round((x1 - x0) * 0.42), round((y1 - y0) * 0.42))
        cv2.ellipse(ellipse, centre, axes, 0, 0, 360, 1, -1)
        inside = ellipse > 0
        if inside.any() and (labels[inside] == HEAD).mean() < 0.5:
            overlooked.append(((x0, y0, x1, y1), inside))
    labels = labels.copy()
    for (x0, y0, x1, y1), _ in overlooked:
        reach = y1 - y0
        rows = slice(max(0, int(y0 - reach)), max(0, int(y1 + reach)))
        columns = slice(max(0, int(x0 - reach)), max(0, int(x1 + reach)))
        around = labels[rows, columns]
        around[around == 0] = IGNORE
    for _, inside in overlooked:
        labels[inside & ((labels == 0) | (labels == IGNORE))] = HEAD
    return labels


def make_photo(name: str, domain: str, image: UInt8Array, labels: UInt8Array) -> Photo:
    """A photograph with its halved copies. Background is doubtful where passers-by were not labelled."""
    images = [image]
    while min(images[-1].shape[:2]) > 120:
        height, width = images[-1].shape[:2]
        half = cv2.resize(images[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        images.append(np.asarray(half, np.uint8))
    person = is_person(labels)
    rows = np.flatnonzero(person.any(axis=1))
    extent = float(rows[-1] - rows[0] + 1) if len(rows) else float(labels.shape[0])
    head = np.isin(labels, MEMBERS[HEAD] + (HEAD,)).astype(np.uint8)
    _, _, found, _ = cv2.connectedComponentsWithStats(head, connectivity=8)
    heads = tuple((float(x), float(y), float(w), float(h)) for x, y, w, h, area in found[1:] if area >= 30 and h >= 6)
    if domain in ("street", "wild"):
        labels = np.where(labels == 0, DOUBTFUL, labels).astype(np.uint8)
    return Photo(name, domain, tuple(images), labels, extent, heads)


def is_person(labels: UInt8Array) -> npt.NDArray[np.bool_]:
    """Where labels say that somebody is."""
    return (labels > 0) & (labels <= PERSON)


def read_image(path: Path) -> UInt8Array:
    """RGB (H, W, 3)."""
    image = cv2.imread(str(path))
    if image is None:
        raise SystemExit(f"{path} is no image that can be read")
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)


def read_labels(path: Path) -> UInt8Array:
    """(H, W) as stored."""
    labels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if labels is None:
        raise SystemExit(f"{path} holds no labels that can be read")
    return np.asarray(labels, np.uint8)
