"""The augmentation: endless random training crops of part-labelled photographs."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt
import torch

from .data import CLASSES, DOMAINS, Photo, UInt8Array


class CropMaker:
    """Endless random training crops; owns its generator, so two makers with two seeds never agree."""

    def __init__(self, photos: list[Photo], *, seed: int, plain: float = 0.0, street: float = 0.58) -> None:
        self.photos = photos
        self.street = street
        self.plain = plain
        self.generator = np.random.default_rng(seed)
        self.domains = [[p for p in photos if p.domain == domain] for domain in DOMAINS]
        self.points = {photo.name: self._points_of(photo) for photo in photos}

    def _points_of(self, photo: Photo) -> list[tuple[int, npt.NDArray[np.int32]]]:
        """(class, up to 64 of its pixels (x, y)) for every class that occurs, to aim crops at."""
        found = []
        for label in range(1, len(CLASSES)):
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

    def _photo(self) -> Photo:
        domain = self.domains[0 if self._chance(self.street) else 1] or self.photos
        return domain[self.generator.integers(len(domain))]

    def _warp(
        self, photo: Photo, size: int, scale: float, centre: tuple[float, float], at: tuple[float, float]
    ) -> tuple[UInt8Array, UInt8Array, UInt8Array]:
        """The photo scaled, rotated, perhaps flipped, with `centre` (its pixels) moved to `at` (crop pixels).

        Returns image, labels, and 1 where the crop shows the photo, 0 beyond its border.
        """
        angle = np.deg2rad(self.generator.normal(0, 9) if self._chance(0.96) else self._uniform(-90, 90))
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
        # One warp for both: what lies beyond the border comes back as 254, which is no label.
        labels = cv2.warpAffine(
            photo.labels, outer, (size, size), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=254
        )
        shown = (labels != 254).astype(np.uint8)
        return np.asarray(image, np.uint8), np.where(shown > 0, labels, 0).astype(np.uint8), shown

    def _aim(self, photo: Photo) -> tuple[int, tuple[float, float]]:
        """(class, a pixel of it): the class is drawn first, so that small parts are seen as often as large ones."""
        groups = self.points[photo.name]
        if not groups or self._chance(0.12):
            height, width = photo.labels.shape
            return 0, (self._uniform(0, width), self._uniform(0, height))
        label, group = groups[self.generator.integers(len(groups))]
        x, y = group[self.generator.integers(len(group))]
        return label, (float(x), float(y))

    def _scale(self, photo: Photo, size: int, label: int) -> float:
        """Pixels of the crop per pixel of the photo, log-uniform from a small body up.

        Only a face or a hand still tells what it is when it fills the crop; a garment does not.
        """
        tallest = {"face": 9.0, "hand": 5.0, "body": 2.3}[
            "face" if 1 <= label <= 5 else "hand" if label == 6 else "body"
        ]
        return min(3.0, self._log_uniform(58 / photo.height, tallest * size / photo.height))

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

    def _empty_window(self, size: int) -> UInt8Array | None:
        """A piece of a photo without a labelled person, scaled to the crop, or None where eight tries found none."""
        for _ in range(8):
            photo = self._photo()
            height, width = photo.labels.shape
            side = int(self._log_uniform(40, min(height, width) * 0.9))
            x, y = self.generator.integers(0, width - side + 1), self.generator.integers(0, height - side + 1)
            if not photo.labels[y : y + side, x : x + side].any():
                piece = photo.images[0][y : y + side, x : x + side]
                method = cv2.INTER_AREA if side > size else cv2.INTER_CUBIC
                return np.asarray(cv2.resize(piece, (size, size), interpolation=method), np.uint8)
        return None

    def _background(self, size: int) -> UInt8Array:
        window = None if self._chance(0.2) else self._empty_window(size)
        image = self._texture(size) if window is None else window
        if self._chance(0.3):  # a collage has edges, and clutter the photographs lack
            for _ in range(self.generator.integers(1, 7)):
                piece = self._texture(size) if self._chance(0.4) else self._empty_window(size)
                if piece is None:
                    continue
                h, w = (int(self._log_uniform(8, size * 0.7)) for _ in range(2))
                y, x = self.generator.integers(0, size - h), self.generator.integers(0, size - w)
                image[y : y + h, x : x + w] = cv2.resize(piece, (w, h), interpolation=cv2.INTER_AREA)
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
            photo = self._photo()
            at = (self._uniform(0.05, 0.95) * size, self._uniform(0.05, 0.95) * size)
            label, point = self._aim(photo)
            person, parts, _ = self._warp(photo, size, self._scale(photo, size, label), point, at)
            mask = (parts > 0).astype(np.uint8)
            if not mask.any():
                continue
            person = self._recolour(person, parts)
            if self._chance(0.7):
                person = self._tint(person)
            alpha = cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)[..., None]
            image = (image * (1 - alpha) + person * alpha).astype(np.uint8)
            labels = np.where(mask > 0, parts, labels)
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
        if self._chance(0.4):
            quality = int(self._uniform(12, 90))
            _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
            image = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
        return image

    def crop(self, size: int) -> tuple[UInt8Array, UInt8Array]:
        """One crop: RGB (size, size, 3) and labels (size // 2, size // 2) at half resolution.

        A share of `plain` crops are photographs as they are, scaled, turned a little and rarely degraded.
        """
        plain = self._chance(self.plain)
        draw = self.generator.random()
        if plain or draw < 0.6:  # a photo in its own place
            photo = self._photo()
            at = (self._uniform(0.2, 0.8) * size, self._uniform(0.2, 0.8) * size)
            label, point = self._aim(photo)
            image, labels, shown = self._warp(photo, size, self._scale(photo, size, label), point, at)
            if not shown.all():
                image = np.where(shown[..., None] > 0, image, self._background(size))
            if not plain and self._chance(0.5):
                image = self._recolour(image, labels)
            if not plain and self._chance(0.25):
                image, labels = self._paste_people(image, labels, int(self.generator.integers(1, 3)))
        else:
            image = self._background(size)
            labels = np.zeros((size, size), np.uint8)
            image, labels = self._paste_people(
                image, labels, int(self.generator.choice([0, 1, 2, 3, 4], p=[0.12, 0.36, 0.26, 0.16, 0.1]))
            )
        if self._chance(0.25 if plain else 0.75):
            image = self._tint(image)
        if not plain or self._chance(0.25):
            image = self._degrade(image)
        return image, np.ascontiguousarray(labels[1::2, 1::2])


class CropStream(torch.utils.data.IterableDataset[tuple[torch.Tensor, torch.Tensor]]):
    """Batches of crops for a DataLoader; every worker and every start draws its own crops."""

    def __init__(self, photos: list[Photo], *, size: int, batch: int, plain: float, street: float, seed: int) -> None:
        self.photos, self.size, self.batch, self.plain, self.street = photos, size, batch, plain, street
        self.seed = seed

    def __iter__(self) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        cv2.setNumThreads(1)
        info = torch.utils.data.get_worker_info()
        maker = CropMaker(
            self.photos, seed=self.seed * 1000 + (info.id if info else 0), plain=self.plain, street=self.street
        )
        while True:
            crops = [maker.crop(self.size) for _ in range(self.batch)]
            images = torch.from_numpy(np.stack([image for image, _ in crops]))
            labels = torch.from_numpy(np.stack([label for _, label in crops]))
            yield images.permute(0, 3, 1, 2), labels
