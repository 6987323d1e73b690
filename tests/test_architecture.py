"""Imports point one way, and every library has its place."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import motionveil

from .golden.make_public_names import TARGET, public_names

SOURCE = Path(motionveil.__file__).parents[1]

LAYERS = {
    "motionveil": [
        {"_core"},
        {"ops"},
        {"drawing", "models", "video"},
        {"flow"},
        {"detection", "noise"},
        {"regions", "fillers"},
        {"obfuscation"},
        {"outputs"},
        {"learned"},
        {"pipeline"},
        {"audit"},
        {"studio"},
        {"cli"},
        {"__main__"},
    ],
    "motionveil_bench": [
        {"records", "results", "settings"},
        {"datasets", "evaluation", "models"},
        {"copies"},
        {"clips"},
        {"training"},
        {"adversarial"},
        {"protocols"},
        {"report"},
        {"cli"},
    ],
}
"""Package → its parts. A module imports from layers above its own in these lists, or from its own part."""

ALLOWED = {
    "motionveil": {
        "av": {"video"},
        "openvino": {"models"},
        "cv2": {"ops", "flow", "drawing", "video", "audit"},
        "click": {"cli"},
        "tqdm": {"cli"},
        "http": {"models", "studio"},
        "jinja2": {"audit"},
        "socket": {"studio"},
        "starlette": {"studio"},
        "uvicorn": {"studio"},
        "torch": {"models", "ops", "learned", "audit"},
        "lightning_fabric": set(),
        "matplotlib": set(),
        "motionveil_bench": set(),
        "msgspec": set(),
        "optuna": set(),
        "ray": {"pipeline"},
        "sklearn": set(),
        "sqlalchemy": set(),
        "sqlite3": {"outputs"},
        "transformers": set(),
    },
    "motionveil_bench": {
        "av": set(),
        "openvino": set(),
        "click": {"cli"},
        "tqdm": {"cli"},
        "jinja2": {"datasets", "report"},
        "matplotlib": {"report"},
        "optuna": {"protocols"},
        "sqlalchemy": {"protocols"},
        "transformers": {"models"},
        "lightning_fabric": {"adversarial", "training", "protocols"},
    },
}
"""Package → library → the only parts that may import it. (`video` resizes while it reads, before there is a clip.)"""


def _place(path: Path) -> tuple[str, str]:
    """The package of a module, and its part of it."""
    package, part = path.relative_to(SOURCE).parts[:2]
    return package, part.removesuffix(".py")


def _imports(path: Path) -> list[tuple[str, int]]:
    """(absolute module name, line) of every import in a file."""
    package = path.relative_to(SOURCE).parts[:-1]
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            found += [(f"{module}.{alias.name}" if module in LAYERS else module, node.lineno) for alias in node.names]
    return found


MODULES = sorted(
    path
    for package in LAYERS
    for path in (SOURCE / package).rglob("*.py")
    if path.parent != SOURCE / package or path.name != "__init__.py"
)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(SOURCE)))
def test_imports_point_one_way(path: Path) -> None:
    package, own = _place(path)
    rank = {name: index for index, layer in enumerate(LAYERS[package]) for name in layer}
    assert own in rank, f"{own} has no layer: add it to LAYERS"
    for module, line in _imports(path):
        parts = module.split(".")
        if parts[0] == package and len(parts) > 1 and parts[1] != own:
            assert parts[1] not in rank or rank[parts[1]] < rank[own], (
                f"{path.name}:{line} imports {module}, which is not above it"
            )
        if parts[0] in ALLOWED[package]:
            assert own in ALLOWED[package][parts[0]], f"{path.name}:{line} may not import {parts[0]}"


def test_one_place_writes_to_the_terminal() -> None:
    """Names of files and words in other people's files are escaped there."""
    written = re.compile(r"(?<![\w.])print\(|click\.s?echo\(|click\.secho\(|sys\.std(out|err)\.write")
    found = [path.relative_to(SOURCE).as_posix() for path in MODULES if written.search(path.read_text("utf-8"))]
    assert found == ["motionveil/cli/terminal.py"]


def test_the_layers_are_those_that_exist() -> None:
    for package, layers in LAYERS.items():
        assert set.union(*layers) == {part for found, part in map(_place, MODULES) if found == package}


def test_import_is_light() -> None:
    """Importing the package loads no heavy library, and opens nothing."""
    code = (
        "import sys, motionveil; print(*[m for m in ('torch', 'openvino', 'av', 'cv2', 'click') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_modules_stay_small() -> None:
    long = {str(p.relative_to(SOURCE)): n for p in MODULES if (n := len(p.read_text("utf-8").splitlines())) > 340}
    assert not long


def test_public_names_and_signatures_change_on_purpose_only() -> None:
    """After an intended change: python -m tests.golden.make_public_names, and a line in the changelog."""
    assert public_names().splitlines() == TARGET.read_text("utf-8").splitlines()
