"""Fine labels for the wild photographs: ``python -m recipes.encoder.split_heads --data DIR --out DIR``.

DIR is the folder that holds ``people/``, ``labels/`` and ``boxes/``. One label map per photograph is written to
``out/<group>/<name>.png``, all or nothing. Values are those of `data.CLASSES`, and 11 for a head and 12 for a person of
which the part is unknown.

Heads are split where face landmarks found in differently cut crops agree. A pixel gets a fine label only where its
place in the face and its colour say the same; all else stays 11, and borders between parts are ignored.

Needs a Python environment of its own with ``pip install mediapipe==0.10.21``, whose landmark models come with it.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from .data import CLASSES, IGNORE, UInt8Array

Mask = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float32]

HAIR, FOREHEAD, EYES, CHEEK, LIPS, HAND, ARM, TORSO, LEG, OTHER = range(1, len(CLASSES))
HEAD, PERSON = 11, 12
FROM_COARSE = {0: 0, 1: HEAD, 2: ARM, 3: HAND, 4: TORSO, 5: LEG, 254: PERSON, 255: IGNORE}

SMALLEST = 36
"""Pixels of the photograph; the outline of a smaller face is not split."""
AGREEMENT = 0.045
"""Largest distance between eyes (or lips) found in two crops, in heights of the face."""
AGREEMENT_MASKED = 0.03
"""The same for the eyes above a mask, under which lips can only be guessed."""
AGREEMENT_COVERED = 0.02
"""The same for eyes of a face of which nothing else is labelled."""
FOREHEAD_BELOW_HAIR = 0.75
"""Share of the forehead that must be seen, or what lies above it may be a hat."""
MOST_TURNED, MOST_TURNED_MASKED = 0.2, 0.35
"""Least `Face.turn`; in profile the landmarks of the far side mean nothing."""
OUTSIDE = 0.7
"""Least share of the outline of a face that must be labelled head."""

# Landmarks of MediaPipe's face mesh.
OUTLINE = (
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152,
    148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
)  # fmt: skip
TOP_AND_BROWS = (
    127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356,
    300, 293, 334, 296, 336, 107, 66, 105, 63, 70,
)  # fmt: skip
EYE_AND_BROW = (
    (33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246, 70, 63, 105, 66, 107),
    (263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466, 300, 293, 334, 296, 336),
)
MOUTH = (61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
CHEEKS = ((116, 117, 118, 101, 36, 205, 187, 147, 123), (345, 346, 347, 330, 266, 425, 411, 376, 352))
NOSE = (6, 122, 236, 198, 48, 64, 98, 2, 327, 294, 278, 420, 456, 351)
GLABELLA = (107, 9, 336, 285, 6, 55)
UNDER_MASK = (*MOUTH, 4, 50, 280, 199)
TOP, CHIN, BRIDGE, MIDDLE_OF_NOSE, LEFT, RIGHT = 10, 152, 168, 195, 234, 454


@dataclass(frozen=True)
class Box:
    """A supplied box. kind: as in the file; the rest in pixels."""

    kind: str
    x0: float
    y0: float
    x1: float
    y1: float

    @property
    def size(self) -> float:
        return max(self.x1 - self.x0, self.y1 - self.y0)

    @property
    def centre(self) -> FloatArray:
        return np.array([(self.x0 + self.x1) / 2, (self.y0 + self.y1) / 2], np.float32)

    def holds(self, point: FloatArray) -> bool:
        return bool(self.x0 <= point[0] <= self.x1 and self.y0 <= point[1] <= self.y1)


@dataclass(frozen=True)
class Face:
    """Landmarks (468, 2) in pixels of the photograph, x then y, and the frame that they span."""

    points: FloatArray
    eyes_spread: float = 0.0
    """Largest distance between the same eye found in two crops, in heights of the face; infinite where not found."""
    lips_spread: float = 0.0

    @property
    def height(self) -> float:
        return max(float(np.linalg.norm(self.points[TOP] - self.points[CHIN])), 1.0)

    @property
    def width(self) -> float:
        return max(float(np.linalg.norm(self.points[RIGHT] - self.points[LEFT])), 1.0)

    @property
    def size(self) -> float:
        outline = self.points[list(OUTLINE)]
        return float((outline.max(0) - outline.min(0)).max())

    @property
    def centre(self) -> FloatArray:
        return np.asarray(self.points[list(OUTLINE)].mean(0), np.float32)

    @property
    def turn(self) -> float:
        """1 where the face looks into the camera, towards 0 in profile: nearer side of the nose over farther side."""
        sides = [abs(self.frame(self.points[[i]])[0, 0] - self.frame(self.points[[1]])[0, 0]) for i in (LEFT, RIGHT)]
        return float(min(sides) / max(*sides, 1e-6))

    def frame(self, xy: FloatArray) -> FloatArray:
        """Points (..., 2) in the frame of the face: across in widths, upwards in heights, from between the eyes."""
        up = (self.points[TOP] - self.points[CHIN]) / self.height
        across = np.array([-up[1], up[0]], np.float32)
        offset = xy - self.points[BRIDGE]
        return np.asarray(
            np.stack([offset @ across / max(self.width, 0.6 * self.height), offset @ up / self.height], -1)
        )

    def polygon(self, landmarks: Sequence[int], shape: tuple[int, int], *, hull: bool = True) -> Mask:
        """Pixels (H, W) of which more than half lies inside."""
        corners = self.points[list(landmarks)]
        x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - 1, 0)
        x1, y1 = np.minimum(np.ceil(corners.max(0)).astype(int) + 2, shape[::-1])
        found = np.zeros(shape, np.bool_)
        if x1 <= x0 or y1 <= y0:
            return found
        fine = np.zeros(((y1 - y0) * 4, (x1 - x0) * 4), np.uint8)
        scaled = np.round((corners - (x0, y0) + 0.5) * 4 - 0.5).astype(np.int32)
        cv2.fillPoly(fine, [cv2.convexHull(scaled) if hull else scaled], 255)
        found[y0:y1, x0:x1] = cv2.resize(fine, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA) > 127
        return found


@dataclass
class Count:
    """What was done, for the closing line."""

    photos: int = 0
    heads: int = 0
    """Regions labelled head of at least `SMALLEST` pixels, and found faces in them."""
    faces: int = 0
    split: int = 0
    eyes_only: int = 0
    masked: int = 0
    helmets: int = 0
    hair: int = 0
    boxes_applied: int = 0
    refused: dict[str, int] = field(default_factory=dict)

    def refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1


def read_boxes(path: Path, shape: tuple[int, int]) -> list[Box]:
    """Boxes of one photograph (none where there is no file), cut to it; those that lie beyond it are left out."""
    if not path.exists():
        return []
    height, width = shape
    boxes = []
    for line in path.read_text().splitlines():
        kind, *numbers = line.split()
        x0, y0, x1, y1 = (float(n) for n in numbers)
        if min(x1 - x0, y1 - y0) < 3 or min(x0, y0) < -4 or x1 > width + 4 or y1 > height + 4:
            continue
        boxes.append(Box(kind, max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)))
    return boxes


def fine_from_coarse(coarse: UInt8Array) -> UInt8Array:
    table = np.full(256, IGNORE, np.uint8)
    for old, new in FROM_COARSE.items():
        table[old] = new
    return table[coarse]


def apply_boxes(labels: UInt8Array, boxes: Iterable[Box]) -> int:
    """Make heads of boxes that the labels (H, W) missed, in place; the number of these boxes.

    Background within the height of a box around it becomes doubtful.
    """
    height, width = labels.shape
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    heads = labels == HEAD
    missed = []
    for box in boxes:
        across = (x - box.centre[0] + 0.5) / max((box.x1 - box.x0) / 2, 1)
        down = (y - box.centre[1] + 0.5) / max((box.y1 - box.y0) / 2, 1)
        radius = np.hypot(across, down)
        inside = radius <= 1
        if inside.any() and heads[inside].mean() < 0.5:
            missed.append((box, radius <= 0.85))
    for box, _ in missed:
        reach = box.y1 - box.y0
        near = (x > box.x0 - reach) & (x < box.x1 + reach) & (y > box.y0 - reach) & (y < box.y1 + reach)
        labels[near & (labels == 0)] = IGNORE
    for _, core in missed:
        labels[core & np.isin(labels, (0, IGNORE))] = HEAD
    return len(missed)


class Landmarks:
    """MediaPipe's face landmarks in enlarged crops of a photograph."""

    def __init__(self) -> None:
        from mediapipe.python.solutions import face_detection, face_mesh

        self.mesh: Any = face_mesh.FaceMesh(
            static_image_mode=True, max_num_faces=5, refine_landmarks=True, min_detection_confidence=0.4
        )
        self.detector: Any = face_detection.FaceDetection(model_selection=1, min_detection_confidence=0.4)

    def in_square(self, rgb: UInt8Array, centre: FloatArray, side: float, *, mirror: bool = False) -> list[Face]:
        """Faces in a square of the photograph, enlarged two to four times; it may reach beyond the border."""
        scale = float(np.clip(512 / side, 2, 4)) if side < 512 else 1.0
        pixels = round(side * scale)
        matrix = np.array([[scale, 0, pixels / 2 - scale * centre[0]], [0, scale, pixels / 2 - scale * centre[1]]])
        crop = cv2.warpAffine(rgb, matrix, (pixels, pixels), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        found = self.mesh.process(np.ascontiguousarray(crop[:, ::-1] if mirror else crop)).multi_face_landmarks
        faces = []
        for one in found or ():
            points = np.array([[p.x, p.y] for p in one.landmark[:468]], np.float32) * pixels - 0.5
            if mirror:
                points[:, 0] = pixels - 1 - points[:, 0]
            faces.append(Face(np.asarray((points - matrix[:, 2]) / scale, np.float32)))
        return faces

    def squares(self, rgb: UInt8Array, labels: UInt8Array, boxes: Iterable[Box]) -> Iterator[tuple[FloatArray, float]]:
        """Where to look: around supplied boxes, regions labelled head, and detected faces. (centre, side)."""
        least = 0.75 * SMALLEST
        yield from ((box.centre, 2.2 * box.size) for box in boxes if box.size >= least)
        _, _, stats, _ = cv2.connectedComponentsWithStats((labels == HEAD).astype(np.uint8))
        wide = [(left, top, width, height) for left, top, width, height, _ in stats[1:] if min(width, height) >= least]
        for left, top, width, height in wide:
            yield np.array([left + width / 2, top + height / 2], np.float32), 1.5 * max(width, height)
        if not wide:
            return
        enlarged = cv2.resize(rgb, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
        rows, columns = rgb.shape[:2]
        for found in self.detector.process(enlarged).detections or ():
            box = found.location_data.relative_bounding_box
            size = max(box.width * columns, box.height * rows)
            if size >= least:
                middle = [(box.xmin + box.width / 2) * columns, (box.ymin + box.height / 2) * rows]
                yield np.array(middle, np.float32), 2.2 * size

    def faces(self, rgb: UInt8Array, labels: UInt8Array, boxes: Sequence[Box]) -> list[Face]:
        """All faces of the photograph, each once, with how far crops disagree about it."""
        faces: list[Face] = []
        for centre, side in self.squares(rgb, labels, boxes):
            if any(np.linalg.norm(f.centre - centre) < 0.1 * side and 0.3 < f.size / side < 0.8 for f in faces):
                continue
            for face in self.in_square(rgb, centre, side):
                if face.size >= 0.8 * SMALLEST and not any(same_face(face, other) for other in faces):
                    faces.append(self.confirmed(rgb, face))
        kept: list[Face] = []
        for face in sorted(faces, key=lambda f: f.eyes_spread):
            if face.size >= SMALLEST and not any(same_face(face, other) for other in kept):
                kept.append(face)
        return kept

    def confirmed(self, rgb: UInt8Array, face: Face) -> Face:
        """The face as found in three more crops, one of them mirrored, with how far they disagree."""
        again = []
        for factor, mirror in ((1.9, False), (1.9, True), (2.5, False)):
            near = [
                f for f in self.in_square(rgb, face.centre, factor * face.size, mirror=mirror) if same_face(f, face)
            ]
            if not near:
                return Face(face.points, np.inf, np.inf)
            again.append(min(near, key=lambda f: float(np.linalg.norm(f.centre - face.centre))))
        groups = [[f.points[list(part)].mean(0) for part in (*EYE_AND_BROW, MOUTH)] for f in again]
        groups[1][:2] = groups[1][1::-1]  # In the mirror, left is right.
        spread = np.linalg.norm(np.ptp(np.array(groups), axis=0), axis=-1)
        straight = Face(np.asarray((again[0].points + again[2].points) / 2, np.float32))
        return Face(straight.points, *(float(d) / straight.height for d in (spread[:2].max(), spread[2])))


def same_face(a: Face, b: Face) -> bool:
    return float(np.linalg.norm(a.centre - b.centre)) < 0.4 * max(a.size, b.size)


def matching(face: Face, boxes: Iterable[Box]) -> Box | None:
    """The supplied box of a face, if any."""
    fitting = [b for b in boxes if b.holds(face.centre) and 0.5 * face.size < b.size < 2.6 * face.size]
    return min(fitting, key=lambda b: float(np.linalg.norm(b.centre - face.centre)), default=None)


@dataclass(frozen=True)
class Colour:
    """A colour in 8-bit Lab and how far it spreads."""

    mean: FloatArray
    spread: FloatArray

    def distance(self, lab: FloatArray) -> FloatArray:
        """(..., 3) to (...), in spreads."""
        return np.asarray(np.linalg.norm((lab - self.mean) / self.spread, axis=-1), np.float32)


def colour_of(samples: FloatArray, least: tuple[float, float, float]) -> Colour:
    """Robust colour of samples (N, 3)."""
    mean = np.median(samples, axis=0)
    spread = 1.48 * np.median(np.abs(samples - mean), axis=0)
    return Colour(np.asarray(mean, np.float32), np.maximum(spread, least).astype(np.float32))


def connected_to(mask: Mask, seeds: Mask) -> Mask:
    """The parts of a mask (H, W) that hold a seed."""
    count, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    keep = np.zeros(count, np.bool_)
    keep[np.unique(parts[mask & seeds])] = True
    keep[0] = False
    return keep[parts]


def opened(mask: Mask, radius: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0)


def closed(mask: Mask, radius: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0)


def grown(mask: Mask, radius: int) -> Mask:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), kernel) > 0)


def looks_like_hair(colour: Colour) -> bool:
    """Black, brown and fair; grey and white are left out, for hats are too."""
    light, a, b = colour.mean - (0, 128, 128)
    if max(colour.spread[0] / 34, colour.spread[1] / 9, colour.spread[2] / 12) > 1:
        return False
    if light < 75:
        return bool(np.hypot(a, b) < 18 and b > -10)
    return bool(light < 190 and b > 4 and -2 < a < 1.2 * b and b < 45)


def hair_of(face: Face, free: Mask, forehead: Mask, lab: FloatArray, skin: Colour, place: FloatArray) -> Mask:
    """Pixels (H, W) that are safely hair; none where it may be a hat, a hood or a scarf.

    free: labelled head, outside the face. forehead: what was found of it, without which a hat is likely.
    place: of each pixel in the frame of the face, (H, W, 2).
    """
    nothing = np.zeros_like(free)
    top = face.frame(face.points[[TOP]])[0, 1]
    whole = face.polygon(TOP_AND_BROWS, (free.shape[0], free.shape[1]), hull=False)
    if not whole.any() or (forehead & whole).sum() < FOREHEAD_BELOW_HAIR * whole.sum():
        return nothing
    across, up = np.abs(place[..., 0]), place[..., 1]
    reach = free & (across < 0.7) & (up < top + 0.5) & (up > -0.15)
    above_skin = up > top + 0.06
    seeds = reach & above_skin & (across < 0.4) & (skin.distance(lab) > 1.7)
    if seeds.sum() < 0.06 * face.width * face.height:
        return nothing
    colour = colour_of(lab[seeds], (16, 4, 5))
    if not looks_like_hair(colour) or skin.distance(colour.mean[None])[0] < 2:
        return nothing
    below = (across < 0.3) & (up < face.frame(face.points[[CHIN]])[0, 1] - 0.04)
    below &= up > face.frame(face.points[[CHIN]])[0, 1] - 0.2
    if below.any() and (colour.distance(lab[below]) < 2).mean() > 0.5:
        return nothing
    hair = reach & (colour.distance(lab) < 2.3) & (skin.distance(lab) > 1.7)
    return opened(connected_to(opened(hair, 1), seeds), 1)


def split(
    labels: UInt8Array, rgb: UInt8Array, face: Face, *, box: Box | None, helmet: Box | None, bare: bool, others: Mask
) -> set[str]:
    """Write the parts of one head into labels (H, W), in place; what was found.

    box: supplied box of the face. bare: whether hair may be looked for. others: pixels of other faces.
    """
    shape = (labels.shape[0], labels.shape[1])
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]].astype(np.float32)
    place = face.frame(np.stack([x, y], -1))
    lab = cv2.cvtColor(cv2.medianBlur(rgb, 3), cv2.COLOR_RGB2LAB).astype(np.float32)
    kind = box.kind if box else ""
    masked, doubtful = kind == "with_mask", kind == "mask_weared_incorrect"
    outline = face.polygon(OUTLINE, shape)
    mine = ~others & np.isin(labels, (HEAD, TORSO, PERSON))
    cheeks = face.polygon(CHEEKS[0], shape) | face.polygon(CHEEKS[1], shape)
    glabella = face.polygon(GLABELLA, shape)
    samples = lab[glabella & mine] if masked or doubtful else lab[(glabella | cheeks) & mine]
    if len(samples) < 6:
        return set()
    skin = colour_of(samples, (20, 5, 6))
    distance = skin.distance(lab)
    skinny = distance < 2.2
    found = {"face"}

    fine = np.zeros(shape, np.uint8)
    lower = place[..., 1] < face.frame(face.points[[MIDDLE_OF_NOSE]])[0, 1]
    eyes = face.polygon(EYE_AND_BROW[0], shape) | face.polygon(EYE_AND_BROW[1], shape)
    mouth = face.polygon(MOUTH, shape)
    in_face = outline & mine
    if not masked and not doubtful:
        # A covering that no box tells of: lips and cheeks would have another colour than the skin between the eyes.
        between = lab[glabella & mine]
        upper = colour_of(between, (26, 7, 8)) if len(between) >= 6 else skin
        around = in_face & lower & ~mouth
        if kind != "without_mask" and around.any() and (upper.distance(lab[around]) < 2.5).mean() < 0.5:
            if face.eyes_spread > AGREEMENT_COVERED:
                return set()
            labels[eyes & in_face] = EYES
            return {"eyes"}
    fine[in_face & skinny & ~lower] = OTHER
    if masked:
        fine[in_face & lower & (distance > 1.7)] = OTHER
        fine[face.polygon(UNDER_MASK, shape) & in_face & lower] = OTHER
        found.add("mask")
    elif not doubtful:
        fine[in_face & lower & skinny] = OTHER
        chin = place[..., 1] < face.frame(face.points[[17]])[0, 1]
        fine[in_face & chin & (np.abs(place[..., 0] - face.frame(face.points[[CHIN]])[0, 0]) < 0.3)] = OTHER
        fine[face.polygon(NOSE, shape) & in_face] = OTHER
        fine[cheeks & in_face & skinny] = CHEEK
        fine[mouth & in_face] = LIPS

    top = face.frame(face.points[[TOP]])[0, 1]
    high = (place[..., 1] > top - 0.05) & (place[..., 1] < top + 0.2) & (np.abs(place[..., 0]) < 0.4)
    brow_to_top = face.polygon(TOP_AND_BROWS, shape, hull=False)
    forehead = (brow_to_top | high if bare else brow_to_top) & mine & (distance < 1.9) & ~eyes
    forehead = connected_to(opened(forehead, 1), grown(glabella, 2) | grown(eyes, 2))
    if forehead.sum() < 0.85 * (closed(forehead, max(2, round(face.size / 12))) & mine & ~eyes).sum():
        forehead[:] = False  # Riddled: fur, a pattern, or single hairs.
    above = mine & (place[..., 1] > top + 0.15) & (place[..., 1] < top + 0.45) & (np.abs(place[..., 0]) < 0.35)
    if above.any() and (distance[above] < 2).mean() > 0.5:
        forehead[:] = False  # Nothing tells it from a fringe.
    fine[in_face & brow_to_top] = 0
    fine[forehead] = FOREHEAD
    fine[eyes & in_face] = EYES

    head = mine & (labels == HEAD)
    free = head & ~grown(outline, max(1, round(face.size / 60))) & (fine == 0)
    free |= head & brow_to_top & (fine == 0)
    if helmet is not None:
        inside = (x >= helmet.x0) & (x <= helmet.x1) & (y >= helmet.y0) & (y <= helmet.y1)
        shell = free & inside & (place[..., 1] > 0.22) & (distance > 2)
        shell = opened(shell, 1)
        clear = (forehead & brow_to_top).sum() > 0.65 * brow_to_top.sum()
        if shell.any() and not (clear and looks_like_hair(colour_of(lab[shell], (16, 4, 5)))):
            fine[shell] = OTHER
            found.add("helmet")
    elif bare:
        hair = hair_of(face, free, forehead, lab, skin, place)
        fine[hair] = HAIR
        if hair.any():
            found.add("hair")
    bottom = face.frame(face.points[[CHIN]])
    neck = ~outline & ~others & np.isin(labels, (HEAD, TORSO)) & (np.abs(place[..., 0] - bottom[0, 0]) < 0.25)
    neck &= (place[..., 1] < bottom[0, 1] - 0.03) & (place[..., 1] > bottom[0, 1] - 0.3) & (distance < 1.7)
    grey = float(np.hypot(*(skin.mean[1:] - 128))) < 6  # Where a collar looks like skin.
    if face.turn > 0.3 and not grey:
        neck = connected_to(opened(neck, 1), grown(outline, 3 + round(face.size / 20)))
        fine[neck] = OTHER

    # What the outline holds and nothing explains is at least a head, also where it was called torso.
    labels[in_face & (fine == 0)] = HEAD
    labels[fine > 0] = fine[fine > 0]
    soften(labels, fine, radius=int(np.clip(round(face.size / 60), 1, 2)))
    return found


def soften(labels: UInt8Array, fine: UInt8Array, *, radius: int) -> None:
    """Ignore the border between parts, in place; eyes and lips, which are small, keep their whole area."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    for part in (EYES, LIPS, CHEEK, FOREHEAD):
        near = cv2.dilate((fine == part).astype(np.uint8), kernel) > 0
        labels[near & (fine > 0) & (fine != part) & ~np.isin(fine, (EYES, LIPS))] = IGNORE


def label_photo(
    landmarks: Landmarks, rgb: UInt8Array, coarse: UInt8Array, boxes: Sequence[Box], *, riders: bool, count: Count
) -> tuple[UInt8Array, list[tuple[Face, set[str]]]]:
    """Fine labels (H, W) of a photograph (H, W, 3), and the faces that were split with what was found in each.

    riders: most heads wear helmets, so that only a box can say that one does not.
    """
    labels = fine_from_coarse(coarse)
    count.photos += 1
    count.boxes_applied += apply_boxes(labels, boxes)
    _, _, stats, _ = cv2.connectedComponentsWithStats((labels == HEAD).astype(np.uint8))
    count.heads += int((stats[1:, 2:4].min(1) >= SMALLEST).sum())
    faces = landmarks.faces(rgb, labels, boxes)
    shape = (labels.shape[0], labels.shape[1])
    heads = np.isin(labels, (HEAD,))
    outlines = [face.polygon(OUTLINE, shape) for face in faces]
    done = []
    for index, face in enumerate(faces):
        count.faces += 1
        box = matching(face, [b for b in boxes if "Helmet" not in b.kind])
        worn = matching(face, [b for b in boxes if "Helmet" in b.kind])
        masked = box is not None and box.kind != "without_mask"
        inside = heads[outlines[index]]
        sure = face.eyes_spread < AGREEMENT_MASKED if masked else max(face.eyes_spread, face.lips_spread) < AGREEMENT
        if not sure:
            count.refuse("crops disagree")
        elif face.turn < (MOST_TURNED_MASKED if masked else MOST_TURNED):
            count.refuse("profile")
        elif not inside.size or inside.mean() < (0.5 if masked else OUTSIDE):
            count.refuse("not labelled head")
        else:
            others = np.zeros(shape, np.bool_)
            for other, outline in enumerate(outlines):
                if other != index and faces[other].eyes_spread < np.inf:
                    others |= outline & ~outlines[index]
            helmet = worn if worn is not None and worn.kind == "With_Helmet" else None
            bare = not riders or (worn is not None and helmet is None)
            found = split(labels, rgb, face, box=box, helmet=helmet, bare=bare, others=others)
            if not found:
                count.refuse("covered")
                continue
            count.split += 1
            count.eyes_only += found == {"eyes"}
            count.masked += "mask" in found
            count.helmets += "helmet" in found
            count.hair += "hair" in found
            done.append((face, found))
    return labels, done


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds people/, labels/ and boxes/")
    parser.add_argument("--out", type=Path, required=True, help="folder that does not exist yet")
    options = parser.parse_args()
    if options.out.exists():
        raise SystemExit(f"{options.out} exists; name another folder with --out, or remove it")
    photos = sorted((options.data / "people").glob("*/*.jpg"))
    if not photos:
        raise SystemExit(f"no photographs in {options.data / 'people'}; give the folder that holds people/ with --data")
    cv2.setNumThreads(1)
    landmarks, count = Landmarks(), Count()
    partial = options.out.with_name(options.out.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    for number, path in enumerate(photos, 1):
        group = path.parent.name
        image = cv2.imread(str(path))
        coarse = cv2.imread(str(options.data / "labels" / group / f"{path.stem}.png"), cv2.IMREAD_GRAYSCALE)
        if image is None or coarse is None or image.shape[:2] != coarse.shape:
            raise SystemExit(f"{path} has no labels of its own size; make them first")
        rgb = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), np.uint8)
        boxes = read_boxes(options.data / "boxes" / group / f"{path.stem}.txt", (coarse.shape[0], coarse.shape[1]))
        labels, _ = label_photo(
            landmarks, rgb, np.asarray(coarse, np.uint8), boxes, riders=group == "bike_helmets", count=count
        )
        target = partial / group / f"{path.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(target), labels, [cv2.IMWRITE_PNG_COMPRESSION, 9]):
            raise SystemExit(f"{target} cannot be written; free some space, or name another folder with --out")
        if number % 100 == 0:
            print(number, "of", len(photos), count, flush=True)
    partial.rename(options.out)
    print(count)


if __name__ == "__main__":
    main()
