"""Weights: found, fetched from a server on this machine, imported, verified; and what goes wrong with that."""

from __future__ import annotations

import hashlib
import http.server
import io
import json
import os
import re
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from motionveil._core.errors import OutputError, WeightsError
from motionveil.cli import main
from motionveil.models.weights import (
    WEIGHTS,
    Weights,
    fetch_weights,
    find_weights,
    import_weights,
    looks_right,
    verify_weights,
    weights_folders,
    weights_sha256,
)
from motionveil.models.weights.folder import LOCK

from ..conftest import ROOT

DATA = bytes(range(256)) * 1000
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty weights folder, and none else, that this test alone uses."""
    chosen = tmp_path / "weights"
    monkeypatch.setenv("MOTIONVEIL_WEIGHTS", str(chosen))
    monkeypatch.setattr("platformdirs.user_data_dir", lambda name: str(tmp_path / "user" / name))
    return chosen


class _Handler(http.server.BaseHTTPRequestHandler):
    """Serves what its server holds: bytes, an address to go to, or the length to claim with the bytes."""

    def do_GET(self) -> None:
        found = self.server.content.get(self.path)  # type: ignore[attr-defined]
        match found:
            case bytes():
                self._answer(200, {"Content-Length": str(len(found))}, found)
            case str():
                self._answer(302, {"Location": found, "Content-Length": "0"})
            case (int(claimed), bytes(data)):
                self._answer(200, {"Content-Length": str(claimed)}, data)
            case _:
                self._answer(404, {"Content-Length": "0"})

    def _answer(self, code: int, headers: Mapping[str, str], data: bytes = b"") -> None:
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


Content = dict[str, "bytes | str | tuple[int, bytes]"]


@pytest.fixture
def server() -> Iterator[tuple[str, Content]]:
    """The address of a server on this machine, and what it serves by path."""
    content: Content = {"/net.pth": DATA}
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    running.content = content  # type: ignore[attr-defined]
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{running.server_port}", content
    running.shutdown()
    running.server_close()


@pytest.fixture
def net(server: tuple[str, Content], monkeypatch: pytest.MonkeyPatch) -> Weights:
    """Weights that the server publishes with their sha256, known under the name 'net'."""
    return know(monkeypatch, Weights(
        "net", "net", "made for tests", f"{server[0]}/net.pth", "net.pth", "MIT", "", "noise", len(DATA), SHA256,
    ))  # fmt: skip


@pytest.fixture
def unpublished(net: Weights, monkeypatch: pytest.MonkeyPatch) -> Weights:
    """The same, where nobody has published a sha256, and the size is known by and by only."""
    return know(monkeypatch, replace(net, sha256=None, size=len(DATA) + 100))


def know(monkeypatch: pytest.MonkeyPatch, weights: Weights) -> Weights:
    monkeypatch.setitem(WEIGHTS, weights.name, weights)
    return weights


def refused(kind: type[Exception], work: Callable[[], object]) -> str:
    """The one sentence of a refusal."""
    with pytest.raises(kind) as caught:
        work()
    sentence = str(caught.value)
    assert "\n" not in sentence
    return sentence


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def archive(member: str, data: bytes) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("models/", b"")
        file.writestr(member, data)
    return memory.getvalue()


def test_the_table_is_sound() -> None:
    for name, weights in WEIGHTS.items():
        assert weights.name == name
        assert weights.url.startswith("https://")
        assert weights.licence in ("Apache-2.0", "BSD-3-Clause")
        assert weights.sha256 is None or re.fullmatch("[0-9a-f]{64}", weights.sha256)
        assert all((weights.network, weights.description, weights.source, weights.data))
        assert weights.size > 100_000 or weights.size == 0 == len(weights.sha256 or "")
        # torchvision writes the first digits of the sha256 into the file's name.
        assert weights.sha256 is None or weights.sha256.startswith(weights.digits)
    assert len({weights.file for weights in WEIGHTS.values()}) == len(WEIGHTS)


def test_digits_of_a_name_are_checked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTIONVEIL_WEIGHTS", str(tmp_path / "folder"))
    given = tmp_path / "resnet18-f37072fd.pth"
    given.write_bytes(b"something else")
    assert "its sha256 begins with" in refused(WeightsError, lambda: import_weights(given))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / given.name).write_bytes(b"something else")
    assert "not f37072fd" in refused(WeightsError, lambda: find_weights("resnet18"))


def test_every_entry_is_documented() -> None:
    text = (ROOT / "docs" / "weights.md").read_text("utf-8")
    for weights in WEIGHTS.values():
        row = next(line for line in text.splitlines() if line.startswith(f"| `{weights.name}` |"))
        assert weights.licence in row
        assert weights.url in row
        assert weights.megabytes in row
        assert (weights.sha256 or "not published")[:16] in row
        assert weights.data in text


def test_a_file_is_fetched_once(net: Weights, folder: Path, server: tuple[str, Content]) -> None:
    seen: list[tuple[int, int | None]] = []
    path = fetch_weights("net", on_progress=lambda done, total: seen.append((done, total)))
    assert path == folder / "net.pth"
    assert path.read_bytes() == DATA
    assert seen[-1] == (len(DATA), len(DATA))
    assert left(folder) == ["net.pth"]
    assert find_weights("net") == path
    assert weights_sha256(path) == SHA256
    server[1].clear()
    assert fetch_weights("net") == path, "what is here needs no server"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (DATA[:-1] + b"x", "was published"),
        ((len(DATA), DATA[:5000]), f"truncated after 5000 of {len(DATA)} bytes"),
        (None, "the server responded 404"),
        ("http://example.invalid/net.pth", "only https:// is safe"),
        ("file:///etc/hosts", "the server responded 302"),
    ],
    ids=["another", "truncated", "missing", "sent to plain http", "sent to a file"],
)
def test_what_goes_wrong_leaves_nothing(
    net: Weights, folder: Path, server: tuple[str, Content], answer: bytes | str | tuple[int, bytes] | None, said: str
) -> None:
    server[1].pop("/net.pth")
    if answer is not None:
        server[1]["/net.pth"] = answer
    assert said in refused(WeightsError, lambda: fetch_weights("net"))
    assert not folder.exists()


def test_a_redirection_is_followed(net: Weights, server: tuple[str, Content]) -> None:
    server[1]["/net.pth"] = f"{server[0]}/elsewhere"
    server[1]["/elsewhere"] = DATA
    assert fetch_weights("net").read_bytes() == DATA


def test_an_interrupt_leaves_nothing(net: Weights, folder: Path) -> None:
    def interrupt(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch_weights("net", on_progress=interrupt)
    assert not folder.exists()


def test_without_a_network_the_way_round_is_named(net: Weights, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    know(monkeypatch, replace(net, url="http://127.0.0.1:1/net.pth"))
    said = refused(WeightsError, lambda: fetch_weights("net", timeout=2))
    assert "http://127.0.0.1:1/net.pth" in said
    assert str(folder) in said
    assert "motionveil weights import FILE --name net" in said


@pytest.mark.parametrize("url", ["http://example.org/net.pth", "ftp://example.org/net.pth", "file:///etc/hosts"])
def test_only_https_is_used(net: Weights, url: str, folder: Path) -> None:
    assert "only https://" in refused(WeightsError, lambda: fetch_weights(replace(net, url=url)))
    assert not folder.exists()


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="needs a folder that may not be written")
def test_a_folder_that_may_not_be_written(net: Weights, folder: Path) -> None:
    folder.mkdir(mode=0o500)
    assert "MOTIONVEIL_WEIGHTS" in refused(OutputError, lambda: fetch_weights("net"))


def test_a_folder_that_is_a_file(net: Weights, folder: Path) -> None:
    folder.write_bytes(b"")
    assert "MOTIONVEIL_WEIGHTS" in refused(OutputError, lambda: fetch_weights("net"))


def test_a_member_of_an_archive(
    net: Weights, server: tuple[str, Content], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    know(monkeypatch, replace(net, url=f"{server[0]}/models.zip", member="models/net.pth"))
    data = archive("models/net.pth", DATA)
    server[1]["/models.zip"] = data
    assert fetch_weights("net").read_bytes() == DATA
    assert left(folder) == ["net.pth"]

    server[1]["/models.zip"] = archive("models/other.pth", DATA)
    assert "was published" in refused(WeightsError, lambda: fetch_weights("net", overwrite=True))
    middle = len(data) // 2
    server[1]["/models.zip"] = data[:middle] + bytes([data[middle] ^ 255]) + data[middle + 1 :]
    assert "damaged" in refused(WeightsError, lambda: fetch_weights("net", overwrite=True))
    assert left(folder) == ["net.pth"]
    assert find_weights("net").read_bytes() == DATA

    (folder / "net.pth").unlink()
    (tmp_path / "models.zip").write_bytes(data)
    assert import_weights(tmp_path / "models.zip", "net").read_bytes() == DATA


def test_a_checkpoint_that_is_an_archive_itself_is_taken_whole(
    net: Weights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = archive("net/data.pkl", DATA)
    know(monkeypatch, replace(net, member="models/net.pth", size=len(data), sha256=hashlib.sha256(data).hexdigest()))
    (tmp_path / "net.pth").write_bytes(data)
    assert import_weights(tmp_path / "net.pth").read_bytes() == data


def test_the_first_download_is_recorded(unpublished: Weights, server: tuple[str, Content], folder: Path) -> None:
    fetch_weights("net")
    assert json.loads((folder / LOCK).read_bytes()) == {"net.pth": {"sha256": SHA256, "size": len(DATA)}}
    server[1]["/net.pth"] = DATA[::-1]
    said = refused(WeightsError, lambda: fetch_weights("net", overwrite=True))
    assert f"remove the entry net.pth from {folder / LOCK}" in said
    assert find_weights("net").read_bytes() == DATA

    (folder / LOCK).unlink()
    assert fetch_weights("net", overwrite=True).read_bytes() == DATA[::-1]
    assert left(folder) == ["net.pth", LOCK]


def test_another_size_is_refused_where_no_sha256_is_known(
    unpublished: Weights, server: tuple[str, Content], folder: Path
) -> None:
    server[1]["/net.pth"] = b"<html>come back later</html>"
    assert "28 bytes instead of about" in refused(WeightsError, lambda: fetch_weights("net"))
    assert not folder.exists()


def test_a_damaged_lock_file_is_named(unpublished: Weights, folder: Path) -> None:
    fetch_weights("net")
    for text in ("{", "[]", '{"net.pth": {}}'):
        (folder / LOCK).write_text(text)
        assert f"{folder / LOCK} is damaged" in refused(WeightsError, lambda: find_weights("net"))
        assert "is damaged" in refused(WeightsError, lambda: fetch_weights("net", overwrite=True))


@pytest.mark.parametrize("published", [True, False])
def test_one_flipped_byte_is_found(
    unpublished: Weights, folder: Path, published: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = know(monkeypatch, replace(unpublished, sha256=SHA256, size=len(DATA))) if published else unpublished
    path = fetch_weights("net")
    assert verify_weights(weights, path)
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(1234)
        file.write(bytes([DATA[1234] ^ 1]))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert looks_right(weights, path)
    for work in (lambda: verify_weights(weights, path), lambda: find_weights("net"), lambda: fetch_weights("net")):
        assert "motionveil weights fetch net --overwrite" in refused(WeightsError, work)
    assert fetch_weights("net", overwrite=True).read_bytes() == DATA


def test_what_is_missing_is_said_in_one_sentence(net: Weights, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refused(WeightsError, lambda: find_weights("net"))
    for part in ("net.pth", str(folder), "motionveil weights fetch net", net.url):
        assert part in said
    know(monkeypatch, replace(net, member="models/net.pth"))
    assert "as models/net.pth" in refused(WeightsError, lambda: find_weights("net"))
    assert "choose from dino_vits8" in refused(WeightsError, lambda: find_weights("nte"))


def test_folders_in_their_order(net: Weights, tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = tmp_path / "user" / "motionveil" / "weights"
    assert weights_folders() == (folder, own)
    own.mkdir(parents=True)
    (own / "net.pth").write_bytes(DATA)
    assert find_weights("net") == own / "net.pth"
    folder.mkdir()
    (folder / "net.pth").write_bytes(DATA)
    assert find_weights("net") == folder / "net.pth"
    monkeypatch.delenv("MOTIONVEIL_WEIGHTS")
    assert find_weights("net") == own / "net.pth"


def test_a_path_of_ones_own(net: Weights, tmp_path: Path) -> None:
    (tmp_path / "mine.safetensors").write_bytes(b"trained by myself")
    assert find_weights("net", tmp_path / "mine.safetensors") == tmp_path / "mine.safetensors"
    (tmp_path / "net.pth").write_bytes(b"damaged")
    assert "is damaged" in refused(WeightsError, lambda: find_weights("net", tmp_path / "net.pth"))
    assert "does not exist" in refused(WeightsError, lambda: find_weights("net", tmp_path / "none.pth"))


def test_import_recognises_by_name_and_by_content(net: Weights, tmp_path: Path, folder: Path) -> None:
    (tmp_path / "download (1)").write_bytes(DATA)
    assert import_weights(tmp_path / "download (1)") == folder / "net.pth"
    (tmp_path / "net.pth").write_bytes(DATA[::-1])
    assert "overwrite=True" in refused(OutputError, lambda: import_weights(tmp_path / "net.pth"))
    assert "was published" in refused(WeightsError, lambda: import_weights(tmp_path / "net.pth", overwrite=True))
    assert find_weights("net").read_bytes() == DATA
    (tmp_path / "unknown").write_bytes(b"?")
    assert "`name`" in refused(WeightsError, lambda: import_weights(tmp_path / "unknown"))
    assert "does not exist" in refused(WeightsError, lambda: import_weights(tmp_path / "none"))
    assert left(folder) == ["net.pth"]


def test_import_records_a_file_that_was_put_there_by_hand(unpublished: Weights, folder: Path) -> None:
    folder.mkdir()
    (folder / "net.pth").write_bytes(DATA)
    assert find_weights("net") == folder / "net.pth"
    assert not verify_weights(unpublished, folder / "net.pth"), "there is nothing to compare with"
    import_weights(folder / "net.pth")
    assert verify_weights(unpublished, folder / "net.pth")


def test_the_command(
    net: Weights, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["motionveil", "weights", *map(str, arguments)])
        with pytest.raises(SystemExit) as done:
            main()
        captured = capsys.readouterr()
        return int(done.value.code or 0), captured.out, captured.err

    def state() -> str:
        return next(line for line in run("list")[1].splitlines() if line.startswith("net "))

    path = folder / "net.pth"
    assert " absent " in state()
    code, out, _ = run("verify")
    assert code == 0
    assert "motionveil weights list" in out
    code, _, err = run("verify", "net")
    assert code == 2
    assert "motionveil weights fetch net" in err

    code, out, _ = run("fetch", "net")
    assert code == 0
    assert str(path) in out
    assert "MIT; trained on noise" in out
    assert " present " in state()
    code, out, _ = run("verify")
    assert code == 0
    assert "matches the published sha256" in out

    path.write_bytes(DATA[:-1] + b"!")
    code, out, err = run("verify")
    assert code == 2
    assert err.count("\n") == 1
    path.write_bytes(b"short")
    assert " mismatch " in state()
    (tmp_path / "net.pth").write_bytes(DATA)
    assert run("import", tmp_path / "net.pth")[0] == 2
    code, out, _ = run("import", tmp_path / "net.pth", "--overwrite")
    assert (code, out.strip()) == (0, str(path))
    code, _, err = run("fetch", "nte")
    assert code == 2
    assert "unknown weights 'nte'" in err
