"""How well saliency finds the parts of people: ``python -m recipes.encoder.evaluate --data DIR [--card FILE]``.

Measures the encoder that ships with the package, through its own interface, on the photographs that were kept out of
training. Intersection over union of the pixels with saliency >= 0.5 and those with the label, summed over photos.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .data import ATTRIBUTES, DOMAINS, DOUBTFUL, IGNORE, Photo, is_person, load_photo, split_names

Saliency = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""RGB (H, W, 3) to one map per attribute, (K, H, W) in [0, 1]."""


def intersection_over_union(photos: Iterable[Photo], saliency: Saliency, *, threshold: float = 0.5) -> dict[str, float]:
    """IoU per attribute; pixels are summed over all photos, ignored ones left out."""
    intersection = np.zeros(len(ATTRIBUTES))
    union = np.zeros(len(ATTRIBUTES))
    for photo in photos:
        maps = saliency(photo.images[0])
        valid = photo.labels != IGNORE
        for index in range(len(ATTRIBUTES)):
            truth = (photo.labels == index + 1) & valid
            found = (maps[index] >= threshold) & valid
            intersection[index] += (truth & found).sum()
            union[index] += (truth | found).sum()
    return {
        name: float(i / u) if u else float("nan") for name, i, u in zip(ATTRIBUTES, intersection, union, strict=True)
    }


def mean_over_attributes(scores: dict[str, float]) -> float:
    """Mean over the nine attributes; 'other_person' is not one of them."""
    return float(np.mean([scores[name] for name in ATTRIBUTES if name != "other_person"]))


Opacity = Callable[[npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
"""RGB (H, W, 3) to the opacity (H, W) in [0, 1] with which it would be hidden."""


def coverage(photos: Iterable[Photo], opacity: Opacity) -> tuple[float, float]:
    """Share of the labelled persons that is covered completely, and share of the background that is touched at all."""
    covered = person = touched = background = 0
    for photo in photos:
        values = opacity(photo.images[0])
        inside, outside = is_person(photo.labels), np.isin(photo.labels, (0, DOUBTFUL))
        covered += int((values[inside] == 1).sum())
        person += int(inside.sum())
        touched += int((values[outside] > 0).sum())
        background += int(outside.sum())
    return covered / person, touched / background


BEGIN, END = "<!-- measured by recipes.encoder.evaluate -->", "<!-- end of measured table -->"


def main() -> None:
    import motionveil
    from motionveil import PRESETS, PartsEncoder, built_in_library, saliency_maps

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", choices=["test", "validation"], default="test")
    parser.add_argument("--short-side", type=int, default=768)
    parser.add_argument("--levels", type=int, default=3)
    parser.add_argument("--count", type=int, help="only so many photos of each domain")
    parser.add_argument("--card", type=Path, help="model card whose table is replaced")
    options = parser.parse_args()
    encoder = PartsEncoder(short_side=options.short_side, levels=options.levels)
    library = built_in_library()
    templates = [library[name] for name in ATTRIBUTES]
    scores: dict[str, dict[str, float]] = {}
    counts: dict[str, int] = {}
    begin = time.monotonic()
    for domain in DOMAINS:
        names = split_names(options.data, domain)[options.split][: options.count]
        photos = (load_photo(options.data, domain, name) for name in names)
        scores[domain] = intersection_over_union(photos, lambda image: saliency_maps(image, templates, encoder))
        counts[domain] = len(names)
    lines = ["| attribute | " + " | ".join(f"{d} ({counts[d]} photos)" for d in DOMAINS) + " |"]
    lines.append("|---|" + "---|" * len(DOMAINS))
    for name in ATTRIBUTES:
        lines.append(f"| {name} | " + " | ".join(f"{scores[d][name]:.2f}" for d in DOMAINS) + " |")
    means = " | ".join(f"**{mean_over_attributes(scores[d]):.3f}**" for d in DOMAINS)
    lines.append(f"| **mean of the nine attributes** | {means} |")
    preset = PRESETS["secure"]
    region = motionveil.TemplateSaliency(PartsEncoder(**preset.feature_options), templates, coverage=preset.coverage)

    def opacity(image: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        return next(region.stream([motionveil.Clip(image[None], 0, (Fraction(0),))]))[0]

    shares: dict[str, tuple[float, float]] = {}
    for domain in DOMAINS:
        names = split_names(options.data, domain)[options.split][: options.count]
        shares[domain] = coverage((load_photo(options.data, domain, name) for name in names), opacity)
    for text, index in (("person covered by `secure` (video settings)", 0), ("background hidden with it", 1)):
        lines.append(f"| {text} | " + " | ".join(f"{shares[d][index]:.1%}" for d in DOMAINS) + " |")
    table = "\n".join(lines)
    print(table)
    print(f"{encoder!r}, {options.split} photos, {time.monotonic() - begin:.0f} s")
    if options.card:
        text = options.card.read_text(encoding="utf-8")
        before, rest = text.split(BEGIN)
        options.card.write_text(f"{before}{BEGIN}\n{table}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
