"""Part-labelled photographs and their split."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

UInt8Array = npt.NDArray[np.uint8]

CLASSES = ("background", "hair", "forehead", "eyes", "cheek", "lips", "hand", "arm", "torso", "leg", "other_person")
ATTRIBUTES = CLASSES[1:]
IGNORE = 255
DOMAINS = {"street": "parts", "indoor": "parts_indoor"}
TEST_COUNT = {"street": 100, "indoor": 80}
VALIDATION_COUNT = {"street": 40, "indoor": 40}


@dataclass(frozen=True)
class Photo:
    """One photograph and its label per pixel, each with halved copies so that strong downscaling does not alias."""

    name: str
    domain: str
    images: tuple[UInt8Array, ...]
    labels: UInt8Array
    height: float
    """Height in pixels of the labelled person or persons."""


def split_names(root: Path, domain: str) -> dict[str, list[str]]:
    """File stems per split: 'test', 'validation' and 'train'.

    The order is that of a checksum of the file name, so it depends neither on a random generator nor on a file system.
    """
    folder = root / DOMAINS[domain] / "images"
    names = sorted((path.stem for path in folder.glob("*.jpg")), key=lambda name: (zlib.crc32(name.encode()), name))
    if not names:
        raise SystemExit(f"no photographs in {folder}; give the folder that holds parts/ and parts_indoor/ with --data")
    test, validation = TEST_COUNT[domain], VALIDATION_COUNT[domain]
    return {"test": names[:test], "validation": names[test : test + validation], "train": names[test + validation :]}


def load_photo(root: Path, domain: str, name: str) -> Photo:
    """Read one photograph (RGB) and its labels."""
    folder = root / DOMAINS[domain]
    image = cv2.imread(str(folder / "images" / f"{name}.jpg"))
    labels = cv2.imread(str(folder / "labels" / f"{name}.png"), cv2.IMREAD_GRAYSCALE)
    if image is None or labels is None:
        raise SystemExit(f"{folder} has no image and labels named {name}")
    image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    images = [np.asarray(image, np.uint8)]
    while min(images[-1].shape[:2]) > 120:
        height, width = images[-1].shape[:2]
        half = cv2.resize(images[-1], (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        images.append(np.asarray(half, np.uint8))
    rows = np.flatnonzero(np.any((np.asarray(labels) > 0) & (np.asarray(labels) != IGNORE), axis=1))
    extent = float(rows[-1] - rows[0] + 1) if len(rows) else float(labels.shape[0])
    return Photo(name, domain, tuple(images), np.asarray(labels, np.uint8), extent)
