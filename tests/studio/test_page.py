"""What is shipped is what was built from the sources, and asks nobody else for anything."""

from __future__ import annotations

import hashlib
import json
import re

import pytest

from motionveil.studio.answers import ASSETS, WEB

from ..conftest import ROOT

SOURCES = ROOT / "studio_web"


def test_the_built_page_belongs_to_the_sources() -> None:
    if not SOURCES.is_dir():
        pytest.skip("the sources of the page are not here; they are in the repository")
    names = ["index.html", "package.json", "package-lock.json", "tsconfig.json", "vite.config.ts"]
    names += [f"{folder}/{path.name}" for folder in ("public", "src") for path in (SOURCES / folder).iterdir()]
    digest = hashlib.sha256()
    for name in sorted(names):
        digest.update(f"{name}\0".encode())
        digest.update((SOURCES / name).read_bytes())
        digest.update(b"\0")
    built = json.loads((WEB / "manifest.json").read_text("utf-8"))["sources"]
    assert built == digest.hexdigest(), "build the page again: cd studio_web && npm ci && npm run build"


def test_every_file_of_the_page_is_there_and_known() -> None:
    names = {name for name, _ in ASSETS.values()}
    assert names | {"manifest.json"} == {path.name for path in WEB.iterdir()}


@pytest.mark.parametrize("name", sorted({name for name, _ in ASSETS.values()}))
def test_nothing_is_fetched_from_elsewhere(name: str) -> None:
    text = (WEB / name).read_text("utf-8")
    addresses = set(re.findall(r"(?:https?:)?//[\w.-]+\.[a-z]{2,}[^\s\"'`]*", text))
    assert {address for address in addresses if not address.startswith("http://www.w3.org/")} == set()


def test_no_script_or_style_stands_in_the_page() -> None:
    """The policy would refuse it."""
    text = (WEB / "index.html").read_text("utf-8")
    assert not re.search(r"<script(?![^>]*src=)|<style|\son\w+=|style=", text)
