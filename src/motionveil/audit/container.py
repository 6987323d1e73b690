"""What an output file reveals besides its frames: audio, tags, locations, dates, devices, thumbnails, chapters."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from .._core.errors import InputError
from ..outputs.output_paths import side_paths
from ..video import (
    IMAGE_SUFFIXES,
    Contents,
    StreamContents,
    Tag,
    images_in,
    images_matching,
    is_pattern,
    read_contents,
)

Level = Literal["reveals", "harmless"]

MAX_FILES = 300
"""Maximum number of images of a sequence that are examined, evenly spaced."""


@dataclass(frozen=True)
class Finding:
    """One sentence about the file. kind: its subject. level: whether it can reveal who, where, when or which device."""

    kind: str
    level: Level
    text: str


@dataclass(frozen=True)
class ContainerFindings:
    """The contents of a file, or of the files of a sequence, besides the frames.

    Attributes:
        tags: All tags.
        gps: Those with locations.
        dates: Those with dates.
        devices: Those with devices.
        thumbnails: (width, height), including covers.
        attachments: Streams other than video and audio.
        findings: Everything in sentences.
        beside: Sentences about neighbouring files that show or name the original, and must not be released.
        removed: Kinds of things that the original reveals and this file does not, without their values.
        files: Number of examined files.
    """

    format: str
    files: int
    streams: tuple[StreamContents, ...]
    tags: tuple[Tag, ...]
    thumbnails: tuple[tuple[int, int], ...]
    gps: tuple[Tag, ...]
    chapters: tuple[str, ...]
    dates: tuple[Tag, ...]
    devices: tuple[Tag, ...]
    attachments: tuple[StreamContents, ...]
    findings: tuple[Finding, ...]
    beside: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    @property
    def reveals(self) -> bool:
        """Whether any finding can reveal who, where, when or which device."""
        return any(finding.level == "reveals" for finding in self.findings)


def examine(path: str | Path, original: str | Path | None = None) -> ContainerFindings:
    """Examine a video, image, folder of images or pattern. File names are not judged.

    original: the source, to report what was removed.

    Raises:
        InputError: If a file cannot be read.
    """
    files = _files(path)
    contents = [read_contents(file) for file in files]
    tags = tuple(dict.fromkeys(tag for one in contents for tag in one.tags))
    streams = contents[0].streams
    covers = [s.size or (0, 0) for s in streams if s.is_cover]
    findings = [*_merged(contents), *_strangers(path)]
    mine = {finding.kind for finding in findings if finding.level == "reveals"}
    before = [] if original is None else _merged([read_contents(file) for file in _files(original)])
    return ContainerFindings(
        format=contents[0].format,
        files=len(files),
        streams=streams,
        tags=tags,
        thumbnails=(*(size for one in contents for size in one.thumbnails), *covers),
        gps=tuple(tag for tag in tags if _kind(tag) == "gps"),
        chapters=tuple(title for one in contents for title in one.chapters),
        dates=tuple(tag for tag in tags if _kind(tag) == "date"),
        devices=tuple(tag for tag in tags if _kind(tag) == "device"),
        attachments=tuple(s for s in streams if s.kind not in ("video", "audio")),
        findings=tuple(findings),
        beside=tuple(_beside(path)),
        removed=tuple(dict.fromkeys(_REMOVED[f.kind] for f in before if f.level == "reveals" and f.kind not in mine)),
    )


def _files(path: str | Path) -> list[Path]:
    """The files of an output, at most MAX_FILES."""
    if is_pattern(path):
        found = images_matching(str(path))
    elif Path(path).is_dir():
        found = images_in(Path(path))
    else:
        return [Path(path)]
    if not found:
        raise InputError(f"there is no image in {path}: check the folder and the name")
    return [found[i] for i in np.unique(np.linspace(0, len(found) - 1, min(len(found), MAX_FILES)).astype(int))]


def _merged(contents: list[Contents]) -> list[Finding]:
    """The findings of all files without duplicates; for a sequence with the number of images."""
    counts = Counter(finding for one in contents for finding in dict.fromkeys(_findings(one)))
    if len(contents) == 1:
        return list(counts)
    merged: dict[tuple[str, Level, str], tuple[str, int]] = {}
    for finding, count in counts.items():
        # Values differ between images: one sentence for all that begin alike is enough.
        key = (finding.kind, finding.level, finding.text.partition(":")[0])
        first, number = merged.get(key, (finding.text, 0))
        merged[key] = (first, number + count)
    return [
        Finding(kind, level, f"{text} (in {number} of {len(contents)} images)")
        for (kind, level, _), (text, number) in merged.items()
    ]


def _findings(contents: Contents) -> Iterator[Finding]:
    yield from _stream_findings(contents.streams)
    for width, height in contents.thumbnails:
        size = f" of {width}x{height}" if width else ""
        yield Finding("thumbnail", "reveals", f"the file contains a thumbnail{size}")
    if any(contents.chapters):
        yield Finding("chapters", "reveals", f"chapters with titles: {', '.join(filter(None, contents.chapters))}")
    elif contents.chapters:
        yield Finding("chapters", "harmless", f"{len(contents.chapters)} chapters without titles")
    for tag in contents.tags:
        yield _tag_finding(tag)
    for other in contents.others:
        yield Finding("other", "reveals", f"the file also contains {other}")
    if not contents.looked_into:
        yield Finding("other", "harmless", "this file format was not examined; PNG, JPEG, WebP and TIFF can be")


_STREAMS = {"subtitle": "subtitles are kept", "attachment": "a file is attached", "data": "a data stream is kept"}


def _stream_findings(streams: tuple[StreamContents, ...]) -> Iterator[Finding]:
    films = 0
    for stream in streams:
        if stream.is_cover:
            size = f" of {stream.size[0]}x{stream.size[1]}" if stream.size else ""
            yield Finding("thumbnail", "reveals", f"the file contains a cover image{size}")
        elif stream.kind == "video":
            films += 1
            if films > 1:
                yield Finding("streams", "reveals", f"the file contains another video (stream {stream.index})")
        elif stream.kind == "audio":
            yield Finding("sound", "reveals", "audio is kept: voices identify speakers")
        else:
            text = _STREAMS.get(stream.kind, f"there is a stream of kind {stream.kind}")
            kind = stream.kind if stream.kind in _STREAMS else "streams"
            yield Finding(kind, "reveals", f"{text} (stream {stream.index}, {stream.codec})")


_KINDS = (
    ("gps", re.compile(r"location|gps|©xyz|geotag|latitude|longitude", re.IGNORECASE)),
    ("harmless", re.compile(
        r"^(minor_version|duration|bps|number_of_(frames|bytes)|rotate|alpha_mode|_statistics_tags|variant_bitrate|"
        r"side_data|is_default)(-\w{3})?$", re.IGNORECASE)),
    ("device", re.compile(
        r"make|model|lens|serial|camera|device|manufacturer|android|hostcomputer|product|software|writing_app|writer|"
        r"encoder|encod(ed|ing)[-_ ]?(with|tool)|creatortool|brand|vendor", re.IGNORECASE)),
    ("date", re.compile(r"date|time|year|tdr|tyer", re.IGNORECASE)),
)  # fmt: skip
"""The kind of a tag by its name; the first match counts."""
_HANDLERS = re.compile(r"^(video|sound|audio)handler$|^(iso ?media file produced by google.*|gpac.*|l-smash.*)$", re.I)
_POSITION = re.compile(r"^[+-]\d{1,2}\.\d+[+-]\d{1,3}\.\d+")
"""The beginning of an ISO 6709 position."""
_ENCODERS = re.compile(
    r"lav[fc][\d.]*( [\w-]+)?|"
    r"(ffmpeg|mencoder|(lib)?x26[45]|libvpx|libaom|(lib)?svt)[-\w]*"
    r"( -| core| encoder| lib| [rv]?\d[\w.+-]*| [0-9a-f]{7})*",
    re.IGNORECASE,
)
"""Ubiquitous programs; other names may identify a camera or phone."""
_BRANDS = re.compile(
    r"(iso[\dm]|iso[a-c]|mp4[12]|avc1|hvc1|hev1|av01|dash|msdh|msix|cmfc|m4[av][ hp]|qt  |3g[p2]\w|f4v |mif1|avi[fs])+",
    re.IGNORECASE,
)
"""Standards; other names in their place belong to camera vendors."""
_VENDORS = ("[0][0][0][0]", "FFMP")
_REMOVED = {
    "gps": "the recording location",
    "date": "a date",
    "device": "the device or its software",
    "text": "a title or text",
    "sound": "sound",
    "thumbnail": "a thumbnail",
    "chapters": "chapters with titles",
    "streams": "another stream",
    "subtitle": "subtitles",
    "attachment": "an attached file",
    "data": "a data stream",
    "other": "other things",
}
_TEXTS = {
    "gps": "the file contains the recording location",
    "date": "the file contains a date",
    "device": "the file names the device or its software",
    "text": "the file contains a text",
}


def _kind(tag: Tag) -> str:
    """gps, date, device, text, or harmless."""
    if tag.place == "GPS" or _POSITION.match(tag.value):
        return "gps"
    name = tag.name.lower()
    if not tag.value.strip() or _ENCODERS.fullmatch(tag.value.strip()):
        return "harmless"
    if name == "language":
        return "harmless" if tag.value.lower() in ("und", "zxx") else "text"
    if name == "handler_name":
        return "harmless" if _HANDLERS.match(tag.value) else "device"
    if name in ("major_brand", "compatible_brands"):
        return "harmless" if _BRANDS.fullmatch(tag.value.ljust(-(-len(tag.value) // 4) * 4)) else "device"
    if name == "vendor_id":
        return "harmless" if tag.value in _VENDORS else "device"
    name = name.replace("quicktime", "")  # not a time
    return next((kind for kind, pattern in _KINDS if pattern.search(name)), "text")


def _tag_finding(tag: Tag) -> Finding:
    kind, said = _kind(tag), f"{tag.name} ({tag.place}) is {tag.value[:80]!r}"
    if kind == "harmless":
        return Finding("tag", "harmless", f"technical: {said}")
    return Finding(kind, "reveals", f"{_TEXTS[kind]}: {said}")


def _strangers(path: str | Path) -> Iterator[Finding]:
    """Files in an output folder that are not its images; file manager indexes contain thumbnails."""
    if not is_pattern(path) and Path(path).is_dir():
        names = sorted(p.name for p in Path(path).iterdir() if p.suffix.lower() not in IMAGE_SUFFIXES)
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            yield Finding("other", "reveals", f"the folder contains other files too: {', '.join(names[:3])}{more}")


def _beside(path: str | Path) -> Iterator[str]:
    preview, sheet, record = side_paths(path, preview=True, record=True)
    for shows in (preview, sheet):
        if shows is not None and shows.is_file():
            yield f"{shows.name} beside it shows the original: do not release it"
    if record is not None and record.is_file():
        yield f"{record.name} beside it names the original file: do not release it"
