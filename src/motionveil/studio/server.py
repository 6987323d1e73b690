"""Starts the studio on this computer, for this computer alone."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import uvicorn

from .._core.errors import OptionError
from .app import Studio
from .guard import Guard
from .queue import Queue
from .workspace import Workspace, default_workspace, films_in

HOST = "127.0.0.1"


class _Server(uvicorn.Server):
    """A server that ends quietly when it is told to."""

    def __init__(self, config: uvicorn.Config, on_end: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_end = on_end

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals end the server, and nothing else."""

        def end(number: int, frame: FrameType | None) -> None:
            self._on_end()
            self.should_exit = True

        if threading.current_thread() is not threading.main_thread():
            yield
            return
        names = [number for name in ("SIGINT", "SIGTERM", "SIGHUP") if (number := getattr(signal, name, None))]
        before = {number: signal.signal(number, end) for number in names}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def serve(
    places: Sequence[str | Path] = (),
    *,
    port: int = 0,
    browser: bool = True,
    workspace: Path | None = None,
    keep_days: float = 30,
    say: Callable[[str], None],
    on_ready: Callable[[str, Callable[[], None]], None] | None = None,
) -> None:
    """Serve the page until the process is told to end.

    places: films to open, and folders of films to choose from. port: 0 takes a free one. say: shows a line to whoever
    started it. on_ready: is told the address, and what ends the server.
    Raises InputError, OptionError and OutputError.
    """
    named, inside = films_in([Path(place) for place in places])
    with _listening(port) as listener, Workspace.open(workspace or default_workspace(), keep_days=keep_days) as held:
        for path in reversed(named):
            held.add_path(path)
        number = int(listener.getsockname()[1])
        queue = Queue(held)
        studio = Studio(held, queue, others=inside)

        def address(token: str) -> str:
            return f"http://{HOST}:{number}/?token={token}"

        guard = Guard(
            studio.application(), port=number, on_new_token=lambda token: say(f"for another browser: {address(token)}")
        )
        config = uvicorn.Config(
            guard, log_level="warning", access_log=False, server_header=False, date_header=False, ws="none",
            lifespan="off", timeout_graceful_shutdown=2, http="h11",
        )  # fmt: skip

        def end() -> None:
            studio.ending = True
            server.should_exit = True
            # What is still under way is broken off, which nobody needs to hear of.
            logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

        server = _Server(config, end)
        first = address(guard.token)
        say(f"motionveil studio: {first}")
        say(f"projects and results: {held.folder}; press Ctrl-C to end")
        if on_ready is not None:
            on_ready(first, end)
        if browser:
            # It may wait for the browser.
            threading.Thread(target=webbrowser.open, args=(first,), daemon=True).start()
        try:
            server.run(sockets=[listener])
        finally:
            queue.close()


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    """A socket of this computer that listens. Raises OptionError where the port is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if os.name == "posix":  # elsewhere it would let others listen too
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen(64)
        except (OSError, OverflowError) as error:
            raise OptionError(f"port {port} cannot be used ({error}); choose another, or leave --port out") from error
        yield listener
    finally:
        listener.close()
