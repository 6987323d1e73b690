"""Downloads and imports weights: verified, and stored completely or not at all."""

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
"""Called with the number of bytes received and the total, which is None if unknown."""

_BLOCK = 1 << 20


def fetch_weights(
    name: str | Weights, *, overwrite: bool = False, timeout: float = 30.0, on_progress: OnProgress | None = None
) -> Path:
    """Download weights from their publisher. Existing files are kept, unless `overwrite`.

    The file appears in the first of `weights_folders` once it is complete and verified; errors leave nothing behind.
    If no sha256 is published, that of the first download is recorded.

    Args:
        name: A name in `WEIGHTS`, or weights of your own.
        overwrite: Download again.
        timeout: Seconds without a response.
        on_progress: Called with the number of bytes received and the total (None if unknown).

    Returns:
        The path of the file.

    Raises:
        WeightsError: If the server cannot be reached, or the download is truncated or fails verification.
        OutputError: If the file cannot be stored.
    """
    weights = get_weights(name) if isinstance(name, str) else name
    target = weights_folders()[0] / weights.file
    if target.is_file() and not overwrite:
        check(weights, target, Digest.of(target))
        return target
    _require_secure(weights.url)
    arriving = _download(weights, timeout, on_progress)
    said = f"the download from {weights.url}"
    with _stored(target):
        if weights.member is None:
            _take(weights, arriving, target, said)
        else:
            with _temporary(target) as archive:
                _write(archive, arriving)
                _take(weights, _content(weights, archive, said), target, said)
    return target


def import_weights(path: str | Path, name: str | None = None, *, overwrite: bool = False) -> Path:
    """Copy a file, or the archive that contains it, into the first of `weights_folders` under its published name.

    Without a name, it is recognised by its file name or sha256. A file that is already there is recorded.

    Raises:
        WeightsError: If it is missing, not recognised, or fails verification.
        OutputError: If another file exists there, or it cannot be stored.
    """
    path = Path(path)
    if not path.is_file():
        raise WeightsError(f"{path} does not exist; check the path")
    weights = get_weights(name) if name is not None else _recognise(path)
    target = weights_folders()[0] / weights.file
    if target.is_file() and not overwrite and Digest.of(target) != Digest.of(path):
        raise OutputError(f"{target} already exists; replace it with `overwrite=True`")
    with _stored(target):
        _take(weights, _content(weights, path, str(path)), target, str(path))
    return target


def _recognise(path: Path) -> Weights:
    """Recognise weights by their file name, otherwise by sha256."""
    for weights in WEIGHTS.values():
        if weights.file == path.name:
            return weights
    sha256 = Digest.of(path).sha256
    for weights in WEIGHTS.values():
        if weights.sha256 == sha256:
            return weights
    raise WeightsError(f"{path} is not recognised; identify it with `name`, one of {', '.join(WEIGHTS)}")


def _take(weights: Weights, blocks: Iterable[bytes], target: Path, said: str) -> None:
    """Make data appear as `target` once complete and verified; record its digest if none is published."""
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
    """The content of a file in blocks; for an archive, that of the member with the weights."""
    try:
        with ExitStack() as stack:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
            # PyTorch checkpoints are ZIP archives too, so only the member's name distinguishes them.
            if weights.member and zipfile.is_zipfile(path):
                archive = stack.enter_context(zipfile.ZipFile(path))
                if weights.member in archive.namelist():
                    file = stack.enter_context(archive.open(weights.member))
            while block := file.read(_BLOCK):
                yield block
    except (OSError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise WeightsError(f"{said} is damaged or cannot be read ({error}); download it again") from error


def _checked(weights: Weights, path: Path, target: Path, said: str) -> Digest:
    """The digest of a file to be stored at `target`. Raises WeightsError if verification fails."""
    digest = Digest.of(path)
    expected = known(weights, target.parent)
    if expected is None and not is_near(digest.size, weights):
        raise WeightsError(
            f"{said} is not {weights.name}: {digest.size} bytes instead of about {weights.size}; "
            "download it again, or choose another file"
        )
    if not digest.sha256.startswith(weights.digits):
        raise WeightsError(
            f"{said} is not {weights.name}: its sha256 begins with {digest.sha256[:8]}, not {weights.digits}; "
            "download it again, or choose another file"
        )
    if expected is not None and digest != expected:
        remedy = (
            "download it again, or choose another file"
            if weights.sha256
            else f"if you trust it more than the first, remove the entry {target.name} from {target.parent / LOCK}"
        )
        when = "published" if weights.sha256 else "first recorded"
        raise WeightsError(
            f"{said} is not the {weights.name} that was {when}: sha256 {digest.sha256[:8]}… and {digest.size} bytes "
            f"instead of {expected.sha256[:8]}… and {expected.size}; {remedy}"
        )
    return digest


@contextmanager
def _stored(target: Path) -> Iterator[None]:
    """Create the folder of a file to be stored; it is removed again on errors."""
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
    """A hidden name beside a path, cleaned up at the end."""
    hidden = hidden_file(path)
    try:
        yield hidden
    finally:
        remove(hidden)


def _require_secure(url: str) -> None:
    """Reject anything but HTTPS; plain HTTP is allowed from localhost."""
    parts = urllib.parse.urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "::1", "localhost")
    if parts.scheme != "https" and not local:
        raise WeightsError(f"{url} is not downloaded, as only https:// is safe; download it yourself and import it")


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to URLs that `_require_secure` allows."""

    def redirect_request(
        self, req: urllib.request.Request, fp: IO[bytes], code: int, msg: str, headers: Message, newurl: str
    ) -> urllib.request.Request | None:
        _require_secure(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)  # type: ignore[arg-type]


def _download(weights: Weights, timeout: float, on_progress: OnProgress | None) -> Iterator[bytes]:
    """Download in blocks. Raises WeightsError if the server cannot be reached or the download is truncated."""
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
        raise _unreachable(weights, f"the server responded {error.code}") from error
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise _unreachable(
            weights, getattr(reason, "strerror", None) or str(reason) or type(reason).__name__
        ) from error
    if total is not None and done != total:
        raise _unreachable(weights, f"truncated after {done} of {total} bytes")


def _unreachable(weights: Weights, reason: str) -> WeightsError:
    return WeightsError(
        f"{weights.url} could not be downloaded ({reason}); try again, or download it elsewhere and copy it to "
        f"{weights_folders()[0]} with: motionveil weights import FILE --name {weights.name}"
    )
