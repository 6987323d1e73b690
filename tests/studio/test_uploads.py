"""Whatever is sent, the answer is a sentence, and nothing is left behind."""

from __future__ import annotations

import errno
import socket
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from .conftest import Visitor, files_in


def refused(studio: Visitor, body: bytes, name: str = "film.mp4", status: int = 422) -> str:
    answer = studio.ask(f"/api/projects?name={quote(name)}", "POST", body)
    assert answer.status == status, answer.body
    assert files_in(studio.folder) == set()
    error: str = answer.json["error"]
    assert str(studio.folder) not in error
    return error


def test_what_is_no_video_is_refused(studio: Visitor) -> None:
    assert "film.mp4" in refused(studio, b"this is a text and no video\n" * 100)
    assert "empty" in refused(studio, b"")
    refused(studio, bytes(100_000), "film.mkv")
    refused(studio, b"\x89PNG\r\n\x1a\n" + bytes(50), "picture.png")


def test_half_a_video_is_refused_or_read_as_far_as_it_goes(studio: Visitor, film: Path) -> None:
    refused(studio, film.read_bytes()[:200])


def send_half(studio: Visitor, announced: int, body: bytes) -> bytes:
    """Announce more than comes, then hang up; returns what was answered until then."""
    with socket.create_connection(("127.0.0.1", studio.port), timeout=30) as connection:
        head = (
            f"POST /api/projects?name=film.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n"
            f"Origin: {studio.origin}\r\nCookie: {studio.cookie}\r\nContent-Length: {announced}\r\n\r\n"
        )
        connection.sendall(head.encode() + body)
        connection.settimeout(2)
        try:
            return connection.recv(4096)
        except TimeoutError:
            return b""


def test_an_upload_that_breaks_off_leaves_nothing(studio: Visitor, film: Path) -> None:
    assert send_half(studio, 1_000_000, film.read_bytes()) == b""
    end = time.monotonic() + 10
    while files_in(studio.folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert files_in(studio.folder) == set()
    assert studio.ask("/api/projects").json["projects"] == []


@pytest.mark.parametrize("size", [10**11, 10**18])
def test_what_is_too_large_is_refused_before_it_comes(studio: Visitor, size: int) -> None:
    answer = send_half(studio, size, b"x" * 1000)
    assert answer.split()[1] == b"413"
    assert files_in(studio.folder) == set()


def test_a_full_disk_is_said_before_anything_comes(studio: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 500_000_100})())
    error = refused(studio, bytes(1000), status=507)
    assert "free" in error


def test_ten_gigabytes_that_do_not_fit_are_refused_before_they_come(
    studio: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 9 * 10**9})())
    answer = send_half(studio, 10**10, b"x" * 1000)
    assert answer.split()[1] == b"507"
    assert files_in(studio.folder) == set()


def test_ten_gigabytes_that_never_come_leave_nothing(studio: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 10**12})())
    assert send_half(studio, 10**10, b"x" * 1000) == b""
    end = time.monotonic() + 10
    while files_in(studio.folder) and time.monotonic() < end:
        time.sleep(0.05)
    assert files_in(studio.folder) == set()


def test_a_disk_that_fills_up_while_a_video_arrives(studio: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    async def write(work: Any, *given: Any) -> Any:
        if getattr(work, "__name__", "") == "write":
            raise OSError(errno.ENOSPC, "No space left on device")
        return work(*given)

    monkeypatch.setattr("motionveil.studio.app.run_in_threadpool", write)
    assert "No space left" in refused(studio, bytes(100_000), status=507)


def test_a_full_disk_loses_no_settings(studio: Visitor, film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be saved is refused, and what was there before is there still, also on the disk."""
    project = studio.upload(film)
    before = (studio.folder / project["id"] / "project.json").read_bytes()

    def full(*given: Any, **more: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("motionveil.studio.workspace.write_file", full)
        place = f"/api/projects/{project['id']}"
        answer = studio.ask(f"{place}/settings", "PUT", {"revision": 0, "settings": {"hide": ["head"]}})
        assert answer.status == 507
        assert "No space left" in answer.json["error"]
        assert studio.ask(f"{place}/runs", "POST", {}).status == 507
    assert studio.ask(place).json == project
    assert (studio.folder / project["id"] / "project.json").read_bytes() == before
    studio.choose(project, hide=["head"])


def test_without_a_length_nothing_is_read(studio: Visitor) -> None:
    with socket.create_connection(("127.0.0.1", studio.port), timeout=30) as connection:
        head = (
            f"POST /api/projects?name=film.mp4 HTTP/1.1\r\nHost: 127.0.0.1:{studio.port}\r\n"
            f"Origin: {studio.origin}\r\nCookie: {studio.cookie}\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        connection.sendall(head.encode() + b"3\r\nabc\r\n0\r\n\r\n")
        assert connection.recv(4096).split()[1] == b"411"


@pytest.mark.parametrize(
    "name",
    ["../../evil.mp4", "/etc/passwd", "C:\\Windows\\evil.mp4", "a\0b.mp4", "x" * 3000 + ".mp4", "", ".", "..",
     "a\n.mp4", "con.exe", "<script>alert(1)</script>.mp4", "\u202eгрим.4pm", "film.mp4.."],
)  # fmt: skip
def test_names_are_only_shown(studio: Visitor, film: Path, name: str) -> None:
    project = studio.upload(film, name)
    place = studio.folder / project["id"]
    assert files_in(studio.folder) == {f"{project['id']}{ending}" for ending in ("", "/film.mp4", "/project.json")}
    assert (place / "film.mp4").read_bytes() == film.read_bytes()
    shown = project["film"]["name"]
    assert 0 < len(shown) <= 120
    assert "/" not in shown
    assert shown.isprintable()
    # In a header nothing of it can begin another line.
    answer = studio.ask(f"/api/projects/{project['id']}/file")
    assert answer.status == 200
    assert "attachment" in answer.headers["content-disposition"]
