"""Addresses: what has no end, and what is only far away."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from motionveil._core.errors import InputError
from motionveil.video import open_source

from .films import make_film, numbered


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_file_over_http_is_a_file(tmp_path: Path, address: str) -> None:
    make_film(tmp_path / "a.mp4", numbered(12), container_options={"movflags": "faststart"})
    with open_source(f"{address}/a.mp4") as source:
        assert (source.info.is_live, source.info.num_frames) == (False, 12)
        for _ in range(2):
            frames = np.concatenate([clip.frames for clip in source])
            np.testing.assert_allclose(frames.mean((1, 2, 3)), 20 + 10 * np.arange(12), atol=1.5)


def test_nothing_there(address: str) -> None:
    with pytest.raises(InputError, match=r"http://.*/a.mp4 cannot be reached .*404"):
        open_source(f"{address}/a.mp4")


def test_a_live_stream_counts_from_zero_and_cannot_be_repeated(tmp_path: Path) -> None:
    film = make_film(tmp_path / "a.ts", numbered(30), options={"g": "10", "bf": "0", "qp": "4"}).read_bytes()

    def send(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(film)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=send, args=(server,))
        thread.start()
        with open_source(f"tcp://127.0.0.1:{server.getsockname()[1]}") as source:
            clips = list(source)
            with pytest.raises(InputError, match="can be read only once"):
                list(source)
        thread.join()
    assert source.info.is_live
    assert source.info.duration is None
    assert source.info.num_frames is None
    assert clips[0].pts[0] == 0
    assert sum(len(clip) for clip in clips) == 30
