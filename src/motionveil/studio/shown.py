"""What the page is told: what can be chosen, and projects."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from .._core.printable import printable
from ..detection.templates import ATTRIBUTES, GROUPS, default_library
from ..noise import PALETTES
from ..obfuscation.presets import PRESETS
from ..obfuscation.settings_warnings import weaknesses
from .project import Project
from .workspace import Workspace

_FILLS = ("motion_noise", "solid", "static_noise", "pixelate", "blur")
"""What the page offers, in this order."""
_GROUPS = ("person", "head", "face")


def choices(workspace: Workspace) -> dict[str, Any]:
    """Everything that can be chosen, and about this studio, as JSON can hold it."""
    names = dict.fromkeys(template.name for template in default_library())
    return {
        "version": version("motionveil"),
        "parts": [*ATTRIBUTES, "other_person"],
        "groups": {name: list(GROUPS[name]) for name in _GROUPS},
        "own": [name for name in names if name not in GROUPS["all"]],
        "taken": ["nothing", *GROUPS],
        "presets": list(PRESETS),
        "fills": list(_FILLS),
        "palettes": list(PALETTES),
        "workspace": {"folder": printable(workspace.folder), "keepDays": workspace.keep_days},
    }


def shown(workspace: Workspace, project: Project) -> dict[str, Any]:
    """A project as the page wants it."""
    record = project.as_record()
    record["film"]["path"] = None if project.film.path is None else printable(project.film.path)
    settings = project.settings
    weak: tuple[str, ...] = ()
    if settings.preset != "secure" or settings.fill != "motion_noise":
        names = settings.library().names(settings.hide) if settings.hide else []
        weak = weaknesses(settings.make_preset(), hide=names, encoding=settings.encoding())
    return {**record, "stamp": stamp(project), "bytes": workspace.size(project), "weaknesses": list(weak)}


def stamp(project: Project) -> str:
    """Differs whenever anything of a project does."""
    states = ",".join(f"{run.id[:4]}{run.state}{run.audit and run.audit.state}" for run in project.runs)
    return f"{project.revision} {project.changed} {states} {len(project.marks)} {hash(project.marks)}"
