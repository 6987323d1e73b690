"""Pages of the website that lie outside this folder in the repository, and links to them.

Links in the documentation lead from file to file, so that they work wherever the repository is read. On the website,
those that leave this folder lead to a page of `PAGES`, to a file that is copied, or nowhere.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[2]
PAGES = {
    "src/motionveil/assets/MODEL_CARD.md": "model_card.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "CODE_OF_CONDUCT.md": "code_of_conduct.md",
    "THIRD_PARTY.md": "third_party.md",
    "README.md": "index.md",
}
"""File in the repository → page of the website."""
COPIED = {".png", ".jpg", ".svg"}
"""Files of these kinds are copied when a page links to them."""
_LINK = re.compile(r"(?P<image>!?)\[(?P<text>[^\]]*)\]\((?P<target>[^)#\s]*)(?P<anchor>#[^)\s]*)?\)")
_CODE = re.compile(r"`[^`\n]+`")
"""Code in a line. In tables, GitHub wants its bars escaped, and Python-Markdown shows the escape."""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what lies outside the folder."""
    for source, page in PAGES.items():
        if page not in files.src_uris:
            files.append(File.generated(config, page, content=(ROOT / source).read_text("utf-8")))
    folder = Path(config.docs_dir)
    for page in folder.rglob("*.md"):
        for match in _LINK.finditer(page.read_text("utf-8")):
            source = _in_repository(page.relative_to(ROOT).as_posix(), match["target"])
            path, copy = ROOT / source, f"files/{source}"
            outside = path.is_file() and not path.is_relative_to(folder)
            if outside and path.suffix in COPIED and copy not in files.src_uris:
                files.append(File.generated(config, copy, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Let links lead to pages of the website; those to other files of the repository become plain text."""
    here = page.file.src_uri
    home = {target: source for source, target in PAGES.items() if target != "index.md"}.get(here, f"docs/{here}")

    def replace(match: re.Match[str]) -> str:
        target, anchor = match["target"], match["anchor"] or ""
        if not target or "://" in target or target.startswith("mailto:"):
            return match[0]
        source = _in_repository(home, target)
        if source in PAGES:
            uri = PAGES[source]
        elif source.startswith("docs/"):
            uri = source.removeprefix("docs/")
        elif f"files/{source}" in files.src_uris:
            uri = f"files/{source}"
        elif (ROOT / source).exists():
            return f"{match['text']} (`{source}`)" if match["text"] != source else f"`{source}`"
        else:
            return match[0]
        relative = posixpath.relpath(uri, posixpath.dirname(here) or ".")
        return f"{match['image']}[{match['text']}]({relative}{anchor})"

    return _CODE.sub(lambda match: match[0].replace("\\|", "|"), _LINK.sub(replace, markdown))


def _in_repository(page: str, target: str) -> str:
    """The file that a link on a page means. Both are relative to the root of the repository."""
    return posixpath.normpath(posixpath.join(posixpath.dirname(page), target))
