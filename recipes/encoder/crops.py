"""The augmentation: endless random training crops of photographs with a label per pixel."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO

import av
import cv2
import numpy as np
import numpy.typing as npt
import torch

from .data import CLASSES, HEAD, PERSON, Photo, UInt8Array, is_person

_OUTSIDE = 254
"""No label: what lies beyond a photograph."""
_FACE = frozenset((1, 2, 3, 4, 5, HEAD))


@dataclass(frozen=True)
class Mixture:
    """Shares of what crops show first: photographs of each domain in their own place; the rest are people pasted onto
    person-free photographs. plain: share of crops that are not recoloured and rarely degraded.
    """

    street: float = 0.24
    indoor: float = 0.14
    wild: float = 0.30
    empty: float = 0.12
    plain: float = 0.3


class CropMaker:
    """Endless random training crops; owns its generator, so two makers with two seeds never agree.

    hardness: how often each person-free photograph is drawn, by name; those that are taken for people, more often.
    """

    def __init__(
        self, photos: list[Photo], *, seed: int, mixture: Mixture, hardness: Mapping[str, float] | None = None
    ) -> None:
        self.mixture = mixture
        self.generator = np.random.default_rng(seed)
        self.domains = {
            domain: [p for p in photos if p.domain == domain] for domain in ("street", "indoor", "wild", "empty")
        }
        self.flags = [p for p in self.domains["empty"] if p.name.startswith("flags/")]
        self.domains["empty"] = [p for p in self.domains["empty"] if not p.name.startswith("flags/")]
        weights = np.array([(hardness or {}).get(p.name, 1.0) for p in self.domains["empty"]])
        self.hardness = weights / weights.sum()
        self.points = {photo.name: self._points_of(photo) for photo in photos}

    def _points_of(self, photo: Photo) -> list[tuple[int, npt.NDArray[np.int32]]]:
        """(class, up to 64 of its pixels (x, y)) for every class that occurs, to aim crops at."""
        found = []
        for label in range(1, PERSON + 1):
            y, x = np.nonzero(photo.labels == label)
            if len(x) >= 12:
                pick = self.generator.integers(0, len(x), 64)
                found.append((label, np.stack([x[pick], y[pick]], 1).astype(np.int32)))
        return found

    def _uniform(self, low: float, high: float) -> float:
        return float(self.generator.uniform(low, high))

    def _log_uniform(self, low: float, high: float) -> float:
        return float(np.exp(self.generator.uniform(np.log(low), np.log(high))))

    def _chance(self, probability: float) -> bool:
        return bool(self.generator.random() < probability)

    def _photo(self, domain: str) -> Photo:
        photos = self.domains[domain]
        if domain == "empty":
            return photos[self.generator.choice(len(photos), p=self.hardness)]
        return photos[self.generator.integers(len(photos))]

    def _warp(
        self, photo: Photo, size: int, scale: float, centre: tuple[float, float], at: tuple[float, float]
    ) -> tuple[UInt8Array, UInt8Array, UInt8Array]:
        """The photo scaled, rotated, perhaps flipped, with `centre` (its pixels) moved to `at` (crop pixels).

        Returns image, labels, and 1 where the crop shows the photo, 0 beyond its border.
        """
        angle = np.deg2rad(self.generator.normal(0, 9) if self._chance(0.97) else self._uniform(-90, 90))
        aspect = self._log_uniform(0.87, 1.15)
        flip = -1.0 if self._chance(0.5) else 1.0
        c, s = np.cos(angle) * scale, np.sin(angle) * scale
        matrix = np.array([[c * flip * aspect, -s], [s * flip * aspect, c]])
        shift = np.array(at) - matrix @ np.array(centre)
        level = int(np.clip(np.floor(np.log2(1 / max(scale, 1e-6))), 0, len(photo.images) - 1))
        source, factor = photo.images[level], 2.0**level
        # Pixel centres at integers: coordinate x of the full photo is (x + 0.5) / factor - 0.5 in the halved one.
        inner = np.column_stack([matrix * factor, shift + matrix @ np.full(2, (factor - 1) / 2)])
        outer = np.column_stack([matrix, shift])
        image = cv2.warpAffine(source, inner, (size, size), flags=cv2.INTER_LINEAR)
        labels = cv2.warpAffine(
            photo.labels, outer, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT,
            borderValue=_OUTSIDE,
        )  # fmt: skip
        shown = (labels != _OUTSIDE).astype(np.uint8)
        return np.asarray(image, np.uint8), np.where(shown > 0, labels, 0).astype(np.uint8), shown

    def _aim(self, photo: Photo, size: int, largest: float) -> tuple[float, tuple[float, float]]:
        """(pixels of the crop per pixel of the photo, a pixel of the photo to look at).

        Half of the time a head is made `largest` pixels high at most, and down to 5; now and then it is larger than
        the crop, so that surfaces are not taken for faces seen from near. Otherwise a class is drawn first, so that
        small parts are seen as often as large ones, at a scale from a small body up.
        """
        if photo.heads and largest > 0.5 * size and self._chance(0.06):
            x, y, w, h = max(photo.heads, key=lambda head: head[3])
            scale = self._log_uniform(0.7, 2.5) * size / h
            if scale <= 3.0:
                return scale, (x + w * self._uniform(0, 1), y + h * self._uniform(0, 1.3))
        if photo.heads and self._chance(0.55):
            x, y, w, h = photo.heads[self.generator.integers(len(photo.heads))]
            scale = self._log_uniform(5, largest) / h
            return min(3.0, scale), (x + w * self._uniform(0, 1), y + h * self._uniform(-0.5, 2.5))
        groups = self.points[photo.name]
        if not groups or self._chance(0.12):
            height, width = photo.labels.shape
            label, point = PERSON, (self._uniform(0, width), self._uniform(0, height))
        else:
            label, group = groups[self.generator.integers(len(groups))]
            x, y = group[self.generator.integers(len(group))]
            point = (float(x), float(y))
        # Only a face or a hand still tells what it is when it fills the crop; a garment does not.
        tallest = 9.0 if label in _FACE else 5.0 if label == CLASSES.index("hand") else 2.3
        tallest *= largest / (0.7 * size)
        return min(3.0, self._log_uniform(28, max(29.0, tallest * size)) / photo.height), point

    def _in_place(self, domain: str, size: int) -> tuple[UInt8Array, UInt8Array, UInt8Array]:
        """A photo in its own place, as `_warp` gives it."""
        photo = self._photo(domain)
        at = (self._uniform(0.15, 0.85) * size, self._uniform(0.15, 0.85) * size)
        if domain == "empty":
            height, width = photo.labels.shape
            scale = size / min(height, width) * self._log_uniform(0.7, 4.0)
            centre = (self._uniform(0.2, 0.8) * width, self._uniform(0.2, 0.8) * height)
        else:
            # Well labelled people, shrunk, show better what small ones look like than labels of small ones do.
            largest = self._log_uniform(8, 24) if self._chance(0.3) else 0.7 * size
            scale, centre = self._aim(photo, size, largest)
        return self._warp(photo, size, scale, centre, at)

    def _texture(self, size: int) -> UInt8Array:
        """Something without people: coloured noise at several scales, stripes, tiles or a plain gradient."""
        g = self.generator
        canvas = np.zeros((size, size, 3), np.float32) + g.uniform(20, 235, 3).astype(np.float32)
        for _ in range(g.integers(1, 5)):
            cells = int(self._log_uniform(2, size / 2))
            noise = g.normal(
                0, 1, (cells, max(1, int(cells * self._log_uniform(0.2, 5))), 3 if self._chance(0.5) else 1)
            )
            kind = cv2.INTER_NEAREST if self._chance(0.3) else cv2.INTER_CUBIC
            layer = cv2.resize(noise.astype(np.float32), (size, size), interpolation=kind)
            canvas += self._log_uniform(4, 60) * layer.reshape(size, size, -1)
        if self._chance(0.4):
            y, x = np.mgrid[0:size, 0:size].astype(np.float32)
            angle, period = self._uniform(0, np.pi), self._log_uniform(4, 80)
            wave = np.sin((x * np.cos(angle) + y * np.sin(angle)) * (2 * np.pi / period))
            canvas += np.sign(wave)[..., None] * g.normal(0, 30, 3).astype(np.float32)
        return np.clip(canvas, 0, 255).astype(np.uint8)

    def _window(self, size: int) -> UInt8Array:
        """A piece of a person-free photo, scaled to the crop."""
        photo = self._photo("empty")
        height, width = photo.labels.shape
        side = int(self._log_uniform(min(60, height - 1, width - 1), min(height, width)))
        x, y = self.generator.integers(0, width - side + 1), self.generator.integers(0, height - side + 1)
        piece = photo.images[0][y : y + side, x : x + side]
        method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(piece, (size, size), interpolation=method), np.uint8)

    def _background(self, size: int) -> UInt8Array:
        image = self._texture(size) if self._chance(0.12) else self._window(size)
        if self._chance(0.25):  # a collage has edges, and clutter the photographs lack
            for _ in range(self.generator.integers(1, 6)):
                piece = self._texture(size) if self._chance(0.3) else self._window(size)
                h, w = (int(self._log_uniform(8, size * 0.7)) for _ in range(2))
                y, x = self.generator.integers(0, size - h), self.generator.integers(0, size - w)
                image[y : y + h, x : x + w] = cv2.resize(piece, (w, h), interpolation=cv2.INTER_AREA)
        return image

    def _hang_flags(self, image: UInt8Array, labels: UInt8Array) -> UInt8Array:
        """Flags, bent as cloth is, and pieces of person-free photos, anywhere but on people: cloth is no garment."""
        size = image.shape[0]
        nobody = ~is_person(labels)
        for _ in range(self.generator.integers(1, 4)):
            if self.flags and self._chance(0.7):
                piece = self.flags[self.generator.integers(len(self.flags))].images[0]
                if self._chance(0.4):  # a field of stars or a coat of arms by itself
                    rows, columns = (int(side * self._uniform(0.3, 0.8)) for side in piece.shape[:2])
                    y0 = self.generator.integers(0, piece.shape[0] - rows + 1)
                    x0 = self.generator.integers(0, piece.shape[1] - columns + 1)
                    piece = piece[y0 : y0 + rows, x0 : x0 + columns]
            else:
                piece = self._window(size)
            height = int(self._log_uniform(12, size * 0.6))
            width = min(size, max(8, int(height * self._log_uniform(0.5, 2.0))))
            y, x = np.mgrid[0:height, 0:width].astype(np.float32)
            wave, phase = self._uniform(0.0, 0.12) * height, self._uniform(0, 6.3)
            turns = self._log_uniform(0.5, 3) * 2 * np.pi / width
            bend = wave * np.sin(x * turns + phase + y * self._uniform(-0.02, 0.02))
            map_y = (y + bend) * (piece.shape[0] / height)
            map_x = (x + 0.4 * bend) * (piece.shape[1] / width)
            cloth = cv2.remap(piece, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
            inside = (map_y >= 0) & (map_y < piece.shape[0]) & (map_x >= 0) & (map_x < piece.shape[1])
            shade = 1 + self._uniform(0, 0.35) * np.cos(x * turns + phase)[..., None]
            cloth = self._tint(np.clip(cloth * shade, 0, 255).astype(np.uint8))
            top, left = self.generator.integers(0, size - height + 1), self.generator.integers(0, size - width + 1)
            place = np.s_[top : top + height, left : left + width]
            inside &= nobody[place]
            image[place][inside] = cloth[inside]
            labels[place][inside] = 0
        return image

    def _recolour(self, image: UInt8Array, labels: UInt8Array) -> UInt8Array:
        """Garments (torso with arm, leg), sometimes hair, in another colour, plain or with their own folds."""
        out = image.astype(np.float32)
        for group in ((7, 8), (9,), (1,)):
            if not self._chance(0.15 if group == (1,) else 0.4):
                continue
            mask = np.isin(labels, group)
            if not mask.any():
                continue
            grey = out[mask].mean(axis=1, keepdims=True)
            folds = (grey - grey.mean()) * self._uniform(0.1, 1.2)
            colour = (
                self.generator.uniform(10, 245, (1, 3)) if self._chance(0.7) else np.full((1, 3), self._uniform(5, 250))
            )
            out[mask] = colour + folds
        return np.clip(out, 0, 255).astype(np.uint8)

    def _paste_people(self, image: UInt8Array, labels: UInt8Array, count: int) -> tuple[UInt8Array, UInt8Array]:
        size = image.shape[0]
        for _ in range(count):
            photo = self._photo(str(self.generator.choice(["street", "indoor", "wild"], p=[0.4, 0.2, 0.4])))
            at = (self._uniform(0.05, 0.95) * size, self._uniform(0.05, 0.95) * size)
            scale, point = self._aim(photo, size, self._log_uniform(8, 0.6 * size))
            person, parts, _ = self._warp(photo, size, scale, point, at)
            somebody = is_person(parts)
            mask = somebody.astype(np.uint8)
            if not mask.any():
                continue
            person = self._recolour(person, parts)
            if self._chance(0.7):
                person = self._tint(person)
            alpha = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)[..., None]
            image = (image * (1 - alpha) + person * alpha).astype(np.uint8)
            labels = np.where(somebody, parts, labels)
        return image, labels

    def _tint(self, image: UInt8Array) -> UInt8Array:
        """Gain and gamma per channel, contrast, saturation."""
        g = self.generator
        x = np.arange(256, dtype=np.float32) / 255
        gamma, gain, lift = self._log_uniform(0.55, 1.8), self._log_uniform(0.6, 1.5), self._uniform(-0.15, 0.15)
        cast = np.exp(g.normal(0, 0.08, 3))
        table = np.clip((x[:, None] ** gamma - 0.5) * gain + 0.5 + lift, 0, 1) * cast
        table8 = np.clip(table * 255, 0, 255).astype(np.uint8)[None]
        out = cv2.LUT(image, np.ascontiguousarray(table8))
        saturation = 0.0 if self._chance(0.15) else self._uniform(0.3, 1.5)
        grey = cv2.cvtColor(out, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
        return np.clip(grey + saturation * (out - grey), 0, 255).astype(np.uint8)

    def _degrade(self, image: UInt8Array) -> UInt8Array:
        """What cameras and codecs do: low resolution, blur, sensor noise, compression."""
        size = image.shape[0]
        if self._chance(0.25):
            small = max(16, int(size * self._log_uniform(0.2, 0.9)))
            method = int(
                self.generator.choice([cv2.INTER_AREA, cv2.INTER_LINEAR, cv2.INTER_NEAREST], p=[0.6, 0.3, 0.1])
            )
            back = int(self.generator.choice([cv2.INTER_LINEAR, cv2.INTER_CUBIC, cv2.INTER_NEAREST], p=[0.5, 0.4, 0.1]))
            image = np.asarray(
                cv2.resize(cv2.resize(image, (small, small), interpolation=method), (size, size), interpolation=back),
                np.uint8,
            )
        if self._chance(0.2):
            length = int(self.generator.integers(2, 10))
            kernel = np.zeros((length, length), np.float32)
            angle = self._uniform(0, np.pi)
            middle = (length - 1) / 2
            end = (middle * np.cos(angle), middle * np.sin(angle))
            a = (round(middle - end[0]), round(middle - end[1]))
            b = (round(middle + end[0]), round(middle + end[1]))
            cv2.line(kernel, a, b, 1.0)
            image = np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)
        if self._chance(0.3):
            noise = self.generator.standard_normal(image.shape, np.float32) * self._log_uniform(2, 20)
            image = np.clip(image + noise, 0, 255).astype(np.uint8)
        if self._chance(0.12):
            image = self._filmed(image)
        elif self._chance(0.4):
            quality = int(self._uniform(12, 90))
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return image

    def _filmed(self, image: UInt8Array) -> UInt8Array:
        """The second frame of an H.264 film at a low bit rate, in which the scene moves a little."""
        file = BytesIO()
        shift = np.array([[1, 0, self._uniform(-4, 4)], [0, 1, self._uniform(-4, 4)]])
        before = cv2.warpAffine(image, shift, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT)
        with av.open(file, "w", format="mp4") as film:
            stream = film.add_stream("libx264", rate=25)
            stream.width, stream.height, stream.pix_fmt = image.shape[1], image.shape[0], "yuv420p"
            stream.time_base = Fraction(1, 25)
            stream.thread_count = 1
            stream.options = {"preset": "ultrafast", "crf": str(int(self._uniform(24, 42)))}
            for frame in (before, image):
                picture = np.ascontiguousarray(frame, np.uint8)
                film.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            film.mux(stream.encode())
        file.seek(0)
        with av.open(file, "r") as film:
            film.streams.video[0].thread_count = 1
            return np.asarray([frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)][-1], np.uint8)

    def crop(self, size: int) -> tuple[UInt8Array, UInt8Array]:
        """One crop: RGB (size, size, 3) and labels (size // 2, size // 2) at half resolution."""
        shares = self.mixture
        plain = self._chance(shares.plain)
        domains = ["street", "indoor", "wild", "empty", "pasted"]
        draw = [shares.street, shares.indoor, shares.wild, shares.empty]
        domain = str(self.generator.choice(domains, p=[*draw, 1 - sum(draw)]))
        if domain == "pasted":
            image, labels = self._background(size), np.zeros((size, size), np.uint8)
            image, labels = self._paste_people(
                image, labels, int(self.generator.choice([1, 2, 3, 5], p=[0.3, 0.3, 0.2, 0.2]))
            )
        else:
            image, labels, shown = self._in_place(domain, size)
            for _ in range(3):  # what a shrunk photo leaves free shows others: many small people at once
                if shown.all() or domain == "empty" or self._chance(0.35):
                    break
                other, parts, there = self._in_place(domain, size)
                new = (there > 0) & (shown == 0)
                image, labels = np.where(new[..., None], other, image), np.where(new, parts, labels)
                shown = shown | there
            if not shown.all():
                image = np.where(shown[..., None] > 0, image, self._background(size))
            if not plain and self._chance(0.4):
                image = self._recolour(image, labels)
            if not plain and domain != "empty" and self._chance(0.15):
                image, labels = self._paste_people(image, labels, int(self.generator.integers(1, 3)))
        if self._chance(0.18):
            image = self._hang_flags(np.ascontiguousarray(image), labels)
        if self._chance(0.25 if plain else 0.75):
            image = self._tint(np.ascontiguousarray(image))
        if not plain or self._chance(0.25):
            image = self._degrade(np.ascontiguousarray(image))
        return image, np.ascontiguousarray(labels[1::2, 1::2])


class CropStream(torch.utils.data.IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches of crops for a DataLoader; every worker and every start draws its own crops."""

    def __init__(
        self, photos: list[Photo], *, size: int, batch: int, mixture: Mixture, hardness: Mapping[str, float], seed: int
    ) -> None:
        self.photos, self.size, self.batch = photos, size, batch
        self.mixture, self.hardness, self.seed = mixture, hardness, seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        cv2.setNumThreads(1)
        info = torch.utils.data.get_worker_info()
        seed = self.seed * 1000 + (info.id if info else 0)
        maker = CropMaker(self.photos, seed=seed, mixture=self.mixture, hardness=self.hardness)
        while True:
            crops = [maker.crop(self.size) for _ in range(self.batch)]
            images = torch.from_numpy(np.stack([image for image, _ in crops]))
            labels = torch.from_numpy(np.stack([label for _, label in crops]))
            yield images.permute(0, 3, 1, 2), labels
