"""Templates: descriptors to look for, and the libraries that hold them."""

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
"""The nine built-in attributes of the paper."""

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
"""Names for several templates. 'other_person' is everything that no attribute covers: neck, nose, chin, hats, scarves.
The last three are the choices of Ilic et al. (CVPR 2024, Sec. 4.1) for their datasets.
"""

_RESERVED = ("nothing", *GROUPS)
_FORMAT = "motionveil-templates-1"
_MOST_BYTES, _MOST_TEMPLATES, _MOST_CHANNELS, _MOST_TEXT = 100_000_000, 20_000, 65_536, 500
"""Limits of a library; the largest networks have descriptors of some ten thousand values."""
BUILT_IN_PATH = ASSETS / "templates.safetensors"


def _is_taken(name: str) -> bool:
    """Whether a name is reserved. Names are case-insensitive."""
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

    def __repr__(self) -> str:
        return f"Template({self.name!r}, {self.fingerprint}, origin={self.origin!r})"

    def __post_init__(self) -> None:
        # Names become folder names, and must not shadow a group or a built-in template.
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,60}", self.name) or _is_taken(self.name):
            raise TemplateError(
                f"invalid template name {self.name!r}; use letters, digits, - and _, and not {', '.join(_RESERVED)} "
                "in any case"
            )
        texts: tuple[object, ...] = (self.fingerprint, self.origin)
        for told in texts:
            if not isinstance(told, str) or len(told) > _MOST_TEXT:
                raise TemplateError(f"the description of template {self.name!r} is too long; create it again")
        vector: Any = self.vector
        if not isinstance(vector, np.ndarray) or vector.dtype.kind != "f" or vector.ndim != 1:
            raise TemplateError(f"template {self.name!r} must be a floating-point vector; create it again")
        if vector.size > _MOST_CHANNELS or not abs(float(np.linalg.norm(vector)) - 1) < 1e-3:
            raise TemplateError(
                f"template {self.name!r} must be a unit vector of at most {_MOST_CHANNELS} values; create it again"
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
                    f"{template.vector.size} values although they name the same features; create them again"
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
        """The templates that were made with the extractor of this fingerprint."""
        return TemplateLibrary(template for template in self if template.fingerprint == fingerprint)

    def names(self, names: str | Iterable[str]) -> list[str]:
        """Resolve names and groups (see `GROUPS`), also given as comma-separated text, to unique template names.

        Raises:
            TemplateError: For an unknown name.
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
                        f"unknown template {member!r}; choose from {', '.join([*known, *GROUPS])}, "
                        f"or create it with: motionveil template add {member} --image IMAGE --point X,Y"
                    )
                chosen[member] = None
        if not chosen:
            raise TemplateError(f"no template given; choose from {', '.join([*known, *GROUPS])}")
        return list(chosen)

    def select(self, names: str | Iterable[str]) -> list[Template]:
        """The templates with these names or groups, see `names`; the first if there are several per name.

        Raises:
            TemplateError: For an unknown name.
        """
        by_name = {template.name: template for template in reversed(list(self))}
        return [by_name[name] for name in self.names(names)]

    def with_template(self, template: Template) -> TemplateLibrary:
        """A copy with one more template; one with the same name and extractor is replaced."""
        return self.with_templates([template])

    def with_templates(self, templates: Iterable[Template]) -> TemplateLibrary:
        """The same for several templates."""
        new = TemplateLibrary(templates)
        return TemplateLibrary([*(t for t in self if (t.name, t.fingerprint) not in new._templates), *new])

    def without(self, name: str) -> TemplateLibrary:
        """A copy without the templates of this name.

        Raises:
            TemplateError: If there are none.
        """
        self.select([name])
        return TemplateLibrary(t for t in self if t.name != name)

    def save(self, path: str | Path) -> None:
        """Write a safetensors file with the vectors, and fingerprints and origins as JSON in its header."""
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
        """Read a file written by `save`. The file is not trusted.

        Raises:
            TemplateError: If it is missing or not a template library.
        """
        path = Path(path)
        strange = f"{path} is not a motionveil template library; give a file written by: motionveil template export"
        try:
            if not path.exists():
                raise TemplateError(f"the template library {path} does not exist; check the path")
            if not path.is_file():
                raise TemplateError(strange)
            if path.stat().st_size > _MOST_BYTES:
                raise TemplateError(f"{path} is too large for a template library; give a file written by export")
            with safetensors.safe_open(str(path), framework="numpy") as file:
                metadata = file.metadata() or {}
                if metadata.get("format") != _FORMAT:
                    raise TemplateError(strange)
                header = json.loads(metadata["templates"])
                if not isinstance(header, dict) or len(header) > _MOST_TEMPLATES:
                    raise TemplateError(f"{path} contains more than {_MOST_TEMPLATES} templates; export fewer")
                return cls(_told(key, entry, file) for key, entry in header.items())
        except TemplateError as error:
            raise error if str(path) in str(error) else TemplateError(f"{path}: {error}") from error
        except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
            raise TemplateError(strange) from error


def _told(key: str, entry: Any, file: Any) -> Template:
    """Parse a template from its entry in the file header. Raises KeyError or TypeError if it is invalid."""
    name = entry.get("name", key) if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise TypeError
    # The size is checked before the values are read.
    if len(file.get_slice(key).get_shape()) != 1:
        raise TypeError
    vector = file.get_tensor(key)
    return Template(name, vector, entry["fingerprint"], entry["origin"])


def user_library_path() -> Path:
    """The path of the user's library: MOTIONVEIL_TEMPLATES, or in the user's data directory."""
    return Path(
        os.environ.get("MOTIONVEIL_TEMPLATES")
        or Path(platformdirs.user_data_dir("motionveil")) / "templates.safetensors"
    )


def built_in_library() -> TemplateLibrary:
    """The nine attributes of the paper and 'other_person', made with the embedded encoder."""
    return TemplateLibrary.load(BUILT_IN_PATH)


def default_library() -> TemplateLibrary:
    """The built-in templates, and those that the user has added.

    Raises:
        TemplateError: If the user's library is damaged.
    """
    path = user_library_path()
    return built_in_library().with_templates(TemplateLibrary.load(path) if path.exists() else ())


def change_user_library(change: Callable[[TemplateLibrary], TemplateLibrary]) -> None:
    """Read the user's library, change it and write it back, under a lock against lost updates.

    Raises:
        TemplateError: See `TemplateLibrary.load`.
    """
    path = user_library_path()
    with locked(path):
        changed = change(TemplateLibrary.load(path) if path.exists() else TemplateLibrary())
        built_in_library().with_templates(changed)  # rejects templates that conflict with the built-in ones
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
            f"the point {point.x:g},{point.y:g} is outside the image; "
            f"x ranges from 0 to {width - 1} and y from 0 to {height - 1}"
        )
    grid = extractor(image[None])
    row, column = grid.cell_at(point)
    return template_of(
        name, grid.descriptors[0, row, column], extractor, origin=origin or f"point {point.x:g},{point.y:g}"
    )


def template_of(name: str, vector: Float32Array, extractor: FeatureExtractor, *, origin: str) -> Template:
    """A template of this extractor from a nonzero descriptor (D,), which is normalised.

    Raises:
        TemplateError: If the number of channels differs from the extractor's, or the name is invalid.
    """
    channels = extractor.channels
    if vector.shape != (channels,):
        raise TemplateError(
            f"the descriptor {origin} has {vector.size} channels, but these features have {channels}; choose the "
            "features, layer and bins that it was made with"
        )
    unit = np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), np.float32)
    return Template(name, unit, extractor.fingerprint, origin)


def check_fingerprints(templates: Iterable[Template], extractor: FeatureExtractor) -> None:
    """Raise TemplateError for the first template that was made with another extractor."""
    for template in templates:
        if template.fingerprint == extractor.fingerprint and template.vector.size != extractor.channels:
            raise TemplateError(
                f"template {template.name!r} has {template.vector.size} values, but these features have "
                f"{extractor.channels}; create it again"
            )
        if template.fingerprint != extractor.fingerprint:
            raise TemplateError(
                f"template {template.name!r} was made with {template.fingerprint}, not with {extractor.fingerprint}; "
                f"create it with: motionveil template add {template.name} --image IMAGE --point X,Y --features … "
                "(name, weights hash, layer, facet, stride, bins and short side must agree)"
            )
