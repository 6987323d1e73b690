"""HMDB51: 51 actions from films and the web."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from motionveil._core.errors import InputError

from ..records import Record, Split, Task
from .annotations import read_list
from .dataset import AnnotatedDataset, Origin, split_off

FOLDER = "testTrainMulti_7030_splits"
_NUM_SPLITS = 3
_TAGS = re.compile(r"_[hlfu]_(nm|cm)_np\d+_(fr|ba|le|ri)_(bad|med|goo)_\d+\.avi$")
"""What a name ends with: body parts seen, camera motion, people, viewpoint, quality, number."""
_USE = {"0": "", "1": "train", "2": "test"}


def film_of(video: str, action: str) -> str:
    """What the clips of one film have in common: the name of a video without its action, tags and number."""
    return _TAGS.sub("", video).removesuffix(f"_{action}")


def read_splits(folder: Path) -> tuple[dict[str, str], list[dict[str, str]]]:
    """The class of each video, and per split its use: 'train', 'test' or '' (not used).

    Raises InputError where a list is missing or wrong, or the lists do not name the same videos.
    """
    classes = sorted(path.name.removesuffix("_test_split1.txt") for path in folder.glob("*_test_split1.txt"))
    if len(classes) != 51:
        raise InputError(f"{folder} holds lists of {len(classes)} classes, not 51; unpack the original archive again")
    actions: dict[str, str] = {}
    uses: list[dict[str, str]] = []
    for number in range(1, _NUM_SPLITS + 1):
        use: dict[str, str] = {}
        for action in classes:
            for entry in read_list(folder / f"{action}_test_split{number}.txt", ("video", "use")):
                video = entry["video"]
                if video in use or actions.setdefault(video, action) != action or not _TAGS.search(video):
                    raise entry.wrong(f"{video} is not a name of {action}, or occurs twice")
                use[video] = _USE[entry.choice("use", tuple(_USE))]
        if use.keys() != actions.keys():
            odd = min(use.keys() ^ actions.keys())
            raise InputError(f"{folder}: {odd} is not in all lists; unpack the original archive again")
        uses.append(use)
    return actions, uses


class HMDB51(AnnotatedDataset):
    """HMDB51 (Kuehne et al., 2011): 6766 clips, 51 actions.

    Read from the lists ``<action>_test_split<1 to 3>.txt``, in which 1 is training, 2 test, 0 not used.
    Task `action`, three folds, the publisher's: per class 70 clips for training and 30 for the test, of other films.
    Of each class some whole films of the training part are for validation.
    """

    name = "hmdb51"
    origin = Origin(
        title="HMDB51 and its 'three splits'",
        url="https://serre-lab.clps.brown.edu/resource/hmdb-a-large-human-motion-database/",
        licence="CC BY 4.0 (annotations); clips from films and the web",
        size="2 GB, 6766 videos",
        layout="""\
            ROOT/
              brush_hair/April_09_brush_hair_u_nm_np1_ba_goo_0.avi …   (or a folder of frames without .avi)
              testTrainMulti_7030_splits/brush_hair_test_split1.txt …   (or elsewhere: --annotations)""",
    )
    places = (FOLDER, "", f"splits/{FOLDER}", "splits")
    key_file = "wave_test_split1.txt"
    folds = (_NUM_SPLITS, 1)

    def _make_tasks(self) -> Mapping[str, Task]:
        inner = self.annotations / FOLDER
        self._actions, self._uses = read_splits(inner if inner.is_dir() else self.annotations)
        return {"action": Task("action", tuple(sorted(set(self._actions.values()))))}

    def _read(self) -> Iterable[Record]:
        for video, action in sorted(self._actions.items(), key=lambda item: (item[1], item[0])):
            folder = f"{action}/{video.removesuffix('.avi')}"
            source = self._source(f"{action}/{video}", folder)
            yield Record(video.removesuffix(".avi"), source, {"action": action}, film_of(video, action))

    def _split(self, task: str, fold: int) -> Split:
        use = self._uses[fold]
        train, test = (
            [record for record in self.records(task) if use[f"{record.name}.avi"] == part] for part in ("train", "test")
        )
        return split_off(train, test, task, share=0.15)
