"""VISPR: photographs with 68 privacy attributes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from motionveil._core.errors import InputError

from ..records import Record, Split, Task
from .annotations import read_json
from .dataset import AnnotatedDataset, Origin, Part, split_by

_NAMES = """
    a0_safe a1_age_approx a2_weight_approx a3_height_approx a4_gender a5_eye_color a6_hair_color a7_fingerprint
    a8_signature a9_face_complete a10_face_partial a11_tattoo a12_semi_nudity a13_full_nudity a16_race a17_color
    a18_ethnic_clothing a19_name_full a20_name_first a21_name_last a23_birth_city a24_birth_date a25_nationality
    a26_handwriting a27_marital_status a29_ausweis a30_credit_card a31_passport a32_drivers_license a33_student_id
    a35_mail a37_receipt a38_ticket a39_disability_physical a41_injury a43_medicine a46_occupation a48_occassion_work
    a49_phone a55_religion a56_sexual_orientation a57_culture a58_hobbies a59_sports a60_occassion_personal
    a61_opinion_general a62_opinion_political a70_education_history a99_legal_involvement a64_rel_personal
    a65_rel_social a66_rel_professional a67_rel_competitors a68_rel_spectators a69_rel_views a73_landmark
    a74_address_current_complete a75_address_current_partial a78_address_home_complete a79_address_home_partial
    a82_date_time a85_username a90_email a92_email_content a97_online_conversation a102_vehicle_ownership
    a103_license_plate_complete a104_license_plate_partial
"""
ALL = tuple(_NAMES.split())
"""The attributes in the order of the publisher's attributes.tsv."""
OF_PA_HMDB51 = {
    "gender": ("a4_gender",),
    "face": ("a9_face_complete", "a10_face_partial"),
    "nudity": ("a12_semi_nudity",),
    "skin_color": ("a17_color",),
    "relationship": ("a64_rel_personal", "a65_rel_social"),
}
"""What counts for the attributes of PA-HMDB51, as its attributes_pa_hmdb51.csv says."""
_PARTS: dict[str, Part] = {"train2017": "train", "val2017": "validation", "test2017": "test"}


class VISPR(AnnotatedDataset):
    """VISPR (Orekondy et al., ICCV 2017): 22167 photographs, several of 68 privacy attributes each.

    Read from one JSON file per photograph, whose `labels` is a list of attributes, in ``train2017``, ``val2017`` and
    ``test2017``: below ``annotations/``, beside the photographs, or in ``train2017_annotation`` and so on.

    Task `vispr`: the 68 attributes. Task `attributes`: the five of PA-HMDB51, under the names that it has for them.
    One fold, the publisher's: 10000 photographs for training, 4167 for validation, 8000 for the test.
    """

    name = "vispr"
    origin = Origin(
        title="VISPR (Visual Privacy)",
        url="https://tribhuvanesh.github.io/vpa/",
        licence="research use; photographs of others, from Flickr and elsewhere",
        size="22167 photographs in full size",
        layout="""\
            ROOT/
              train2017/2017_10001018.jpg … val2017/ … test2017/ …   (or below images/)
              annotations/train2017/2017_10001018.json … val2017/ … test2017/ …   (or beside the photographs)""",
    )

    def _place(self) -> Path:
        inner = self.root / "annotations"
        return inner if inner.is_dir() else self.root

    def _make_tasks(self) -> Mapping[str, Task]:
        return {
            "vispr": Task("vispr", ALL, multilabel=True),
            "attributes": Task("attributes", tuple(OF_PA_HMDB51), multilabel=True),
        }

    def _read(self) -> Iterable[Record]:
        for part in _PARTS:
            folders = [self.annotations / part, self.annotations / f"{part}_annotation"]
            files = [path for folder in folders for path in sorted(folder.glob("*.json"))]
            if not files:
                raise InputError(f"{folders[0]} holds no JSON file; unpack {part}_anno.tar.gz from {self.origin.url}")
            for path in files:
                yield self._record(part, path)

    def _record(self, part: str, path: Path) -> Record:
        told = read_json(path)
        labels = told.get("labels") if isinstance(told, dict) else None
        unknown = sorted({str(name) for name in labels} - set(ALL)) if isinstance(labels, list) else ["no list labels"]
        if unknown:
            raise InputError(
                f"{path}, line 1: {unknown[0]} is no attribute of VISPR; take this file from the archive again"
            )
        held = set(labels or ())
        picture = Path(str(told.get("image_path") or f"{path.stem}.jpg")).name
        source = self._source(f"{part}/{picture}", f"images/{part}/{picture}")
        attributes = tuple(name for name, those in OF_PA_HMDB51.items() if held.intersection(those))
        return Record(
            f"{part}/{path.stem}",
            source,
            {"vispr": tuple(name for name in ALL if name in held), "attributes": attributes},
        )

    def _split(self, task: str, fold: int) -> Split:
        return split_by(self.records(task), lambda record: _PARTS[record.name.partition("/")[0]])
