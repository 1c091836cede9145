"""`serve`: one worker in this process, or a supervisor of several."""

import sys
from collections.abc import Callable
from typing import Any

from server import listener, logs, supervisor
from server.errors import StartupError
from server.settings import Settings


def hubbub(settings: Settings) -> Any:
    """The application itself, imported by the process that serves it and by no other."""
    from server.app import create_app  # noqa: PLC0415

    return create_app(settings)


def run(settings: Settings, create_app: Callable[[Settings], Any] = hubbub) -> int:
    """Serve until SIGTERM or SIGINT; the exit status. Prints the address to open once connections are accepted, and
    on stderr why it cannot start (status 2).

    `create_app` is a function of some module, for workers import it; it returns an aiohttp application.
    """
    logs.set_up(settings.log_level, settings.log_format)
    try:
        if settings.workers > 1:
            return supervisor.run(settings, create_app, lambda port: _announce(settings, port))
        with listener.open_socket(settings.host, settings.port) as sock:
            from server import worker  # noqa: PLC0415 - with aiohttp, which only this process needs

            return worker.run(settings, create_app, sock, lambda: _announce(settings, sock.getsockname()[1]))
    except StartupError as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return 2


def _announce(settings: Settings, port: int) -> None:
    hint = " (demo mode: open it in a browser)" if settings.demo else ""
    print(f"Hubbub is listening on {listener.url(settings.host, port)}{hint}", flush=True)
