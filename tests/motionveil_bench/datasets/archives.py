"""Small annotation files in the formats of the datasets."""

from __future__ import annotations

from pathlib import Path


def write(path: Path, *lines: str, end: str = "\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


def kth(root: Path) -> Path:
    actions = ("boxing", "handclapping", "handwaving", "jogging", "running", "walking")
    videos = [f"person{p:02}_{a}_d{d}" for p in range(1, 26) for a in actions for d in range(1, 5)]
    heading = "name,frames,s1_start,s1_end,s2_start,s2_end"
    write(root / "sequences.csv", heading, *(f"{video},frames,1,50,51,90" for video in videos))
    sets = ("train" if not video.endswith("d2") else "test" for video in videos)
    lines = [f"{video}_uncomp,{part}" for video, part in zip(videos, sets, strict=True)]
    write(root / "metadata.csv", "video,set", *lines)
    return root


def ipn(root: Path) -> Path:
    gestures = ["1,D0X,Non_gesture", "2,B0A,Pointing", "4,G01,Click"]
    write(root / "classIdx.txt", "id,label,readable", *gestures)
    for part, people in (("train", range(1, 9)), ("test", range(9, 13))):
        videos = [f"1CM1_{person}_R_#{person}" for person in people]
        write(root / f"metadata_{part}.csv", "video,label", *(f"{v},{'MW'[i % 2]}" for i, v in enumerate(videos)))
        spans = [
            f"{video},{label},{start},{start + 9}"
            for video in videos
            for label, start in (("D0X", 1), ("B0A", 11), ("G01", 31))
        ]
        write(root / f"Annot_{part}List.txt", "video,label,t_start,t_end", *spans)
    return root


def ucf101(root: Path) -> Path:
    names = ("Archery", "JumpingJack", "Lunges", "PullUps", "PushUps", "Swing")
    write(root / "classInd.txt", *(f"{number} {name}" for number, name in enumerate(names, 1)), end="\r\n")
    for split in (1, 2, 3):
        train, test = [], []
        for number, name in enumerate(names, 1):
            for group in range(1, 10):
                for clip in (1, 2):
                    path = f"{name}/v_{name}_g{group:02}_c{clip:02}.avi"
                    if group % 3 == split % 3:
                        test.append(path)
                    else:
                        train.append(f"{path} {number}")
        write(root / f"trainlist{split:02}.txt", *train, end="\r\n")
        write(root / f"testlist{split:02}.txt", *test, end="\r\n")
    return root


ACTIONS = ("climb", "dive", "wave", *(f"other_{number}" for number in range(48)))


def hmdb51(root: Path) -> Path:
    """Ten films with two clips of each of 51 classes."""
    for action in ACTIONS:
        videos = [f"film{film}_{action}_f_cm_np1_fr_bad_{clip}.avi" for film in range(10) for clip in range(2)]
        for split in (1, 2, 3):
            uses = [0 if film == 9 else 2 if film % 3 == split - 1 else 1 for film in range(10) for _ in range(2)]
            lines = [f"{video} {use} " for video, use in zip(videos, uses, strict=True)]
            write(root / "testTrainMulti_7030_splits" / f"{action}_test_split{split}.txt", *lines)
    return root
