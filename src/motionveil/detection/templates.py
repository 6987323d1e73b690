"""Templates: descriptors of what should be found, and the libraries that hold them."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import platformdirs
import safetensors
import safetensors.numpy

from .._core.atomic_files import write_file
from .._core.errors import OptionError, TemplateError
from .._core.file_locks import locked
from .._core.types import Float32Array, Point, UInt8Array
from .features import FeatureExtractor
from .features.encoder import ASSETS

ATTRIBUTES = ("hair", "forehead", "eyes", "cheek", "lips", "hand", "arm", "torso", "leg")
"""The nine attributes of the paper, built in."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "face": ("forehead", "eyes", "cheek", "lips", "other_person"),
    "head": ("hair", "forehead", "eyes", "cheek", "lips", "other_person"),
    "person": (*ATTRIBUTES, "other_person"),
    "all": (*ATTRIBUTES, "other_person"),
    "attributes": ATTRIBUTES,
    "ipn": ("cheek", "eyes", "forehead", "hair"),
    "kth": ("torso", "arm", "leg", "hair"),
    "sbu": ("torso", "arm", "leg", "hair"),
}
"""Names for several templates. 'other_person' is what no attribute names: neck, nose, chin, hats, scarves. The last
three are the choices of Ilic et al. (CVPR 2024, Sec. 4.1) for their data sets.
"""

_RESERVED = ("nothing", *GROUPS)
_FORMAT = "motionveil-templates-1"
_MOST_BYTES, _MOST_TEMPLATES, _MOST_CHANNELS, _MOST_TEXT = 100_000_000, 20_000, 65_536, 500
"""What a library may hold; the largest network has vectors of some ten thousand numbers."""
BUILT_IN_PATH = ASSETS / "templates.safetensors"


def _is_taken(name: str) -> bool:
    """Whether a template of this name would stand in for something else: names are understood in any case."""
    small = name.casefold()
    return small in _RESERVED or (small in (*ATTRIBUTES, "other_person") and name != small)


@dataclass(frozen=True)
class Template:
    """A descriptor of something to look for.

    Attributes:
        vector: (D,) float32, unit norm.
        fingerprint: Identifies the extractor that made it.
        origin: Where it came from, in words.
    """

    name: str
    vector: Float32Array
    fingerprint: str
    origin: str

    def __post_init__(self) -> None:
        # Names become folder names, and must not hide a group or a built-in template behind themselves.
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", self.name) or _is_taken(self.name):
            raise TemplateError(
                f"{self.name!r} cannot name a template; use letters, digits, - and _, and not {', '.join(_RESERVED)}, "
                "however they are written"
            )
        texts: tuple[object, ...] = (self.fingerprint, self.origin)
        for told in texts:
            if not isinstance(told, str) or len(told) > _MOST_TEXT:
                raise TemplateError(f"template {self.name!r} says at too great length what it is; make it again")
        vector: Any = self.vector
        if not isinstance(vector, np.ndarray) or vector.dtype.kind != "f" or vector.ndim != 1:
            raise TemplateError(f"template {self.name!r} must be a vector of floating-point numbers; make it again")
        if vector.size > _MOST_CHANNELS or not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
            raise TemplateError(
                f"template {self.name!r} must be a vector of unit length, of {_MOST_CHANNELS} numbers at most; "
                "make it again"
            )


class TemplateLibrary:
    """An ordered collection of templates, with at most one per name and extractor.

    Immutable: `with_template`, `without` and `made_with` return new libraries.
    """

    def __init__(self, templates: Iterable[Template] = ()) -> None:
        self._templates = {(template.name, template.fingerprint): template for template in templates}
        lengths: dict[str, Template] = {}
        for template in self:
            other = lengths.setdefault(template.fingerprint, template)
            if other.vector.size != template.vector.size:
                raise TemplateError(
                    f"templates {other.name!r} and {template.name!r} have {other.vector.size} and "
                    f"{template.vector.size} numbers, though the same features are named for both; make them again"
                )

    def __iter__(self) -> Iterator[Template]:
        return iter(self._templates.values())

    def __len__(self) -> int:
        return len(self._templates)

    def __contains__(self, name: object) -> bool:
        return any(template.name == name for template in self)

    def __getitem__(self, name: str) -> Template:
        return self.select([name])[0]

    def __repr__(self) -> str:
        return f"TemplateLibrary({', '.join(self._names())})"

    def _names(self) -> list[str]:
        return list(dict.fromkeys(template.name for template in self))

    def made_with(self, fingerprint: str) -> TemplateLibrary:
        """Those templates alone that an extractor of this fingerprint made."""
        return TemplateLibrary(template for template in self if template.fingerprint == fingerprint)

    def names(self, names: str | Iterable[str]) -> list[str]:
        """Names and groups (see `GROUPS`), also as one text with commas between, as names of templates, each once.

        Raises TemplateError for a name that is not there.
        """
        known = self._names()
        chosen: dict[str, None] = {}
        for name in names.split(",") if isinstance(names, str) else names:
            wanted = name.strip()
            if wanted not in known and wanted not in GROUPS:
                wanted = wanted.lower()
            for member in GROUPS.get(wanted, (wanted,)):
                if member not in known:
                    raise TemplateError(
                        f"no template is named {member!r}; choose from {', '.join([*known, *GROUPS])}, "
                        f"or make it with: motionveil template add {member} --image IMAGE --point X,Y"
                    )
                chosen[member] = None
        if not chosen:
            raise TemplateError(f"name at least one template; choose from {', '.join([*known, *GROUPS])}")
        return list(chosen)

    def select(self, names: str | Iterable[str]) -> list[Template]:
        """The templates of these names or groups, see `names`; of several extractors' the first.

        Raises TemplateError for a name that is not there.
        """
        by_name = {template.name: template for template in reversed(list(self))}
        return [by_name[name] for name in self.names(names)]

    def with_template(self, template: Template) -> TemplateLibrary:
        """The library with one more template; one of the same name and extractor is replaced."""
        return self.with_templates([template])

    def with_templates(self, templates: Iterable[Template]) -> TemplateLibrary:
        """The same for several."""
        new = TemplateLibrary(templates)
        return TemplateLibrary([*(t for t in self if (t.name, t.fingerprint) not in new._templates), *new])

    def without(self, name: str) -> TemplateLibrary:
        """The library without the templates of one name. Raises TemplateError where there are none."""
        self.select([name])
        return TemplateLibrary(t for t in self if t.name != name)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file: the vectors, and a JSON header with fingerprints and origins."""
        keys = [f"{t.name} {t.fingerprint}" for t in self]
        header = {
            k: {"name": t.name, "fingerprint": t.fingerprint, "origin": t.origin}
            for k, t in zip(keys, self, strict=True)
        }
        tensors = {k: np.ascontiguousarray(t.vector, np.float32) for k, t in zip(keys, self, strict=True)}
        data = safetensors.numpy.save(tensors, {"format": _FORMAT, "templates": json.dumps(header)})
        write_file(Path(path), data)

    @classmethod
    def load(cls, path: str | Path) -> TemplateLibrary:
        """Read a file that `save` wrote. Raises TemplateError where it is missing or something else.

        Such files come from other people: nothing in them does more harm than to be refused.
        """
        path = Path(path)
        strange = f"{path} is not a template library of motionveil; give a file that export wrote"
        try:
            if not path.exists():
                raise TemplateError(f"there is no template library {path}; check the path")
            if not path.is_file():
                raise TemplateError(strange)
            if path.stat().st_size > _MOST_BYTES:
                raise TemplateError(f"{path} is larger than any template library; give a file that export wrote")
            with safetensors.safe_open(str(path), framework="numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    raise TemplateError(strange)
                header = json.loads(metadata["templates"])
                if not isinstance(header, dict) or len(header) > _MOST_TEMPLATES:
                    raise TemplateError(f"{path} holds more than {_MOST_TEMPLATES} templates; export fewer")
                return cls(_told(key, entry, file) for key, entry in header.items())
        except TemplateError as error:
            raise error if str(path) in str(error) else TemplateError(f"{path}: {error}") from error
        except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise TemplateError(strange) from error


def _told(key: str, entry: Any, file: Any) -> Template:
    """A template from its entry in the header of a file. Raises KeyError or TypeError for anything else."""
    name = entry.get("name", key) if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise TypeError
    # The size is looked at before the numbers are.
    if len(file.get_slice(key).get_shape()) != 1:
        raise TypeError
    vector = file.get_tensor(key)
    return Template(name, vector, entry["fingerprint"], entry["origin"])


def user_library_path() -> Path:
    """Where templates that a person made are kept: MOTIONVEIL_TEMPLATES, or the user's data folder."""
    return Path(
        os.environ.get("MOTIONVEIL_TEMPLATES")
        or Path(platformdirs.user_data_dir("motionveil")) / "templates.safetensors"
    )


def built_in_library() -> TemplateLibrary:
    """The nine attributes of the paper and 'other_person', made with the embedded encoder."""
    return TemplateLibrary.load(BUILT_IN_PATH)


def default_library() -> TemplateLibrary:
    """The built-in templates, and those that the user has added."""
    path = user_library_path()
    return built_in_library().with_templates(TemplateLibrary.load(path) if path.exists() else ())


def change_user_library(change: Callable[[TemplateLibrary], TemplateLibrary]) -> None:
    """Read the user's library, change it, write it back: one process after the other, so that none loses another's.

    Raises what `TemplateLibrary.load` and `TemplateLibrary.save` raise.
    """
    path = user_library_path()
    with locked(path):
        changed = change(TemplateLibrary.load(path) if path.exists() else TemplateLibrary())
        built_in_library().with_templates(changed)  # refuses what does not fit those
        changed.save(path)


def make_template(
    name: str, image: UInt8Array, point: Point, extractor: FeatureExtractor, *, origin: str = ""
) -> Template:
    """Create a template from the descriptor at one point of an image (Sec. 3.1 of Ilic et al.).

    Args:
        name: Name of the template.
        image: (H, W, 3) uint8 RGB.
        point: (x, y) in pixels.
        extractor: Feature extractor.
        origin: Where it came from, in words.

    Raises:
        OptionError: The point is outside the image.
        TemplateError: The name is reserved or invalid.
    """
    height, width = image.shape[:2]
    if not (0 <= point.x <= width - 1 and 0 <= point.y <= height - 1):
        raise OptionError(
            f"the point {point.x:g},{point.y:g} lies outside the image; "
            f"x goes from 0 to {width - 1} and y from 0 to {height - 1}"
        )
    grid = extractor(image[None])
    row, column = grid.cell_at(point)
    return template_of(
        name, grid.descriptors[0, row, column], extractor, origin=origin or f"point {point.x:g},{point.y:g}"
    )


def template_of(name: str, vector: Float32Array, extractor: FeatureExtractor, *, origin: str) -> Template:
    """A descriptor (D,) of any length other than 0 as a template of this extractor.

    Raises TemplateError where the extractor's descriptors have another number of channels, or the name cannot be used.
    """
    channels = extractor.channels
    if vector.shape != (channels,):
        raise TemplateError(
            f"the descriptor {origin} has {vector.size} channels, and those of these features {channels}; choose the "
            "features, layer and bins that it was made with"
        )
    unit = np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)
    return Template(name, unit, extractor.fingerprint, origin)


def check_fingerprints(templates: Iterable[Template], extractor: FeatureExtractor) -> None:
    """Raise TemplateError for the first template that another extractor made."""
    for template in templates:
        if template.fingerprint == extractor.fingerprint and template.vector.size != extractor.channels:
            raise TemplateError(
                f"template {template.name!r} has {template.vector.size} numbers, and these features "
                f"{extractor.channels}; make it again"
            )
        if template.fingerprint != extractor.fingerprint:
            raise TemplateError(
                f"template {template.name!r} was made with {template.fingerprint}, not with {extractor.fingerprint}; "
                f"make it with these: motionveil template add {template.name} --image IMAGE --point X,Y --features … "
                "(name, weights hash, layer, facet, stride, bins and short side must agree)"
            )
