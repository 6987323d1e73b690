"""Brings weights into the weights folder, from their publisher or from a file: checked, and whole or not at all."""

from __future__ import annotations

import http.client
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from email.message import Message
from pathlib import Path
from typing import IO

from ..._core.atomic_files import hidden_file, make_folders, remove, remove_empty, take_place
from ..._core.errors import OutputError, WeightsError
from .folder import LOCK, Digest, check, is_near, known, pending_lock, weights_folders
from .table import WEIGHTS, Weights, get_weights

OnProgress = Callable[[int, int | None], None]
"""Called with the bytes that have come, and with those that will, None where the server does not say."""

_BLOCK = 1 << 20


def fetch_weights(
    name: str | Weights, *, overwrite: bool = False, timeout: float = 30.0, on_progress: OnProgress | None = None
) -> Path:
    """Download weights from where their authors publish them; what is here already is kept, unless `overwrite`.

    timeout: seconds without an answer. The file appears in the first of `weights_folders` once it is complete and
    checked; an error leaves nothing. Where no sha256 is published, that of the first download is recorded.
    Raises WeightsError where it cannot be reached, is cut short or is not what was published, OutputError where it
    cannot be stored.
    """
    weights = get_weights(name) if isinstance(name, str) else name
    target = weights_folders()[0] / weights.file
    if target.is_file() and not overwrite:
        check(weights, target, Digest.of(target))
        return target
    _require_secure(weights.url)
    arriving = _download(weights, timeout, on_progress)
    said = f"what {weights.url} gave"
    with _stored(target):
        if weights.member is None:
            _take(weights, arriving, target, said)
        else:
            with _temporary(target) as archive:
                _write(archive, arriving)
                _take(weights, _content(weights, archive, said), target, said)
    return target


def import_weights(path: str | Path, name: str | None = None, *, overwrite: bool = False) -> Path:
    """Copy a file, or the archive that holds it, into the first of `weights_folders` under its published name.

    Without a name it is recognised by its own, or by its sha256. A file that lies there already is recorded.
    Raises WeightsError where it is missing, not recognised, or not what was published, OutputError where another file
    is there or it cannot be stored.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"there is no file {path}; check the path")
    weights = get_weights(name) if name is not None else _recognise(path)
    target = weights_folders()[0] / weights.file
    if target.is_file() and not overwrite and Digest.of(target) != Digest.of(path):
        raise OutputError(f"{target} is there already; replace it with --overwrite")
    with _stored(target):
        _take(weights, _content(weights, path, str(path)), target, str(path))
    return target


def _recognise(path: Path) -> Weights:
    """The weights that a file holds, by its name, otherwise by its sha256."""
    for weights in WEIGHTS.values():
        if weights.file == path.name:
            return weights
    sha256 = Digest.of(path).sha256
    for weights in WEIGHTS.values():
        if weights.sha256 == sha256:
            return weights
    raise WeightsError(f"{path} is not recognised; say what it is with --name, one of {', '.join(WEIGHTS)}")


def _take(weights: Weights, blocks: Iterable[bytes], target: Path, said: str) -> None:
    """Let what comes appear as `target` once it is complete and checked; record what it is where nobody has said so."""
    with _temporary(target) as temporary:
        _write(temporary, blocks)
        digest = _checked(weights, temporary, target, said)
        if weights.sha256:
            take_place(temporary, target, overwrite=True)
            return
        with pending_lock(target, digest) as lock:
            take_place(temporary, target, overwrite=True)
            lock.commit()


def _write(path: Path, blocks: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        file.writelines(blocks)


def _content(weights: Weights, path: Path, said: str) -> Iterator[bytes]:
    """What a file holds, block by block; of an archive that holds the weights, what their member holds."""
    try:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
            # Checkpoints of PyTorch are ZIP archives themselves: only the member's name tells.
            if weights.member and zipfile.is_zipfile(path):
                archive = stack.enter_context(zipfile.ZipFile(path))
                if weights.member in archive.namelist():
                    file = stack.enter_context(archive.open(weights.member))
            while block := file.read(_BLOCK):
                yield block
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"{said} cannot be read or is damaged ({error}); fetch it again") from error


def _checked(weights: Weights, path: Path, target: Path, said: str) -> Digest:
    """The digest of a file that is to lie at `target`. Raises WeightsError where it is not what it must be."""
    digest = Digest.of(path)
    expected = known(weights, target.parent)
    if expected is None and not is_near(digest.size, weights):
        raise WeightsError(
            f"{said} is not {weights.name}: {digest.size} bytes instead of about {weights.size}; "
            "fetch it again, or choose another file"
        )
    if expected is not None and digest != expected:
        remedy = (
            "fetch it again, or choose another file"
            if weights.sha256
            else f"if you trust it more than the first, remove the entry {target.name} from {target.parent / LOCK}"
        )
        when = "published" if weights.sha256 else "recorded when it first came"
        raise WeightsError(
            f"{said} is not the {weights.name} that was {when}: sha256 {digest.sha256[:8]}… and {digest.size} bytes "
            f"instead of {expected.sha256[:8]}… and {expected.size}; {remedy}"
        )
    return digest


@contextmanager
def _stored(target: Path) -> Iterator[None]:
    """Makes the folder of a file that is about to come; what was made goes again where the file does not come."""
    made: list[Path] = []
    try:
        made = make_folders(target.parent)
        yield
    except OSError as error:
        raise OutputError(
            f"{target} cannot be written ({error.strerror or error}); free some space, or choose another folder with "
            "the environment variable MOTIONVEIL_WEIGHTS"
        ) from error
    finally:
        remove_empty(made)


@contextmanager
def _temporary(path: Path) -> Iterator[Path]:
    """A hidden name beside a path; what is left there is removed."""
    hidden = hidden_file(path)
    try:
        yield hidden
    finally:
        remove(hidden)


def _require_secure(url: str) -> None:
    """Refuse anything but HTTPS; plain HTTP is understood from this very machine, where nobody listens in between."""
    parts = urllib.parse.urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not local:
        raise WeightsError(f"{url} is not fetched, because only https:// is safe; fetch it yourself and import it")


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirections to where `_require_secure` allows it."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _require_secure(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _download(weights: Weights, timeout: float, on_progress: OnProgress | None) -> Iterator[bytes]:
    """What the url gives, block by block. Raises WeightsError where it cannot be reached or ends too early."""
    request = urllib.request.Request(weights.url, headers={"User-Agent": "motionveil"})
    done = 0
    try:
        with urllib.request.build_opener(_SecureRedirects).open(request, timeout=timeout) as reply:
            length = reply.headers.get("Content-Length", "")
            total = int(length) if length.isdigit() else None
            while block := reply.read(_BLOCK):
                yield block
                done += len(block)
                if on_progress is not None:
                    on_progress(done, total)
    except urllib.error.HTTPError as error:
        raise _unreachable(weights, f"the server answered {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _unreachable(
            weights, getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        ) from error
    if total is not None and done != total:
        raise _unreachable(weights, f"it ended after {done} of {total} bytes")


def _unreachable(weights: Weights, reason: str) -> WeightsError:
    return WeightsError(
        f"{weights.url} could not be fetched ({reason}); try again, or get it on another machine and put it into "
        f"{weights_folders()[0]} with: motionveil weights import FILE --name {weights.name}"
    )
