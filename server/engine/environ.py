"""The WSGI-like environment that connect handlers get."""

import sys
from typing import Any

from aiohttp import web


def environ_of(request: web.Request) -> dict[str, Any]:
    """Return python-engineio's environment for `request`, with the client's real address.

    The request itself stands under `aiohttp.request`.
    """
    host, _, port = request.host.partition(":")
    environ: dict[str, Any] = {
        "wsgi.input": request.content,
        "wsgi.errors": sys.stderr,
        "wsgi.version": (1, 0),
        "wsgi.async": True,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        "SERVER_SOFTWARE": "aiohttp",
        "REQUEST_METHOD": request.method,
        "QUERY_STRING": request.query_string or "",
        "RAW_URI": request.path_qs,
        "SERVER_PROTOCOL": f"HTTP/{request.version[0]}.{request.version[1]}",
        "REMOTE_ADDR": request.remote or "",
        "REMOTE_PORT": _port_of(request),
        "SERVER_NAME": host,
        "SERVER_PORT": port or "0",
        "aiohttp.request": request,
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        if key not in {"CONTENT_TYPE", "CONTENT_LENGTH"}:
            key = f"HTTP_{key}"
            if key in environ:
                value = f"{environ[key]},{value}"  # noqa: PLW2901 - a header may be given several times
        environ[key] = value
    environ["wsgi.url_scheme"] = environ.get("HTTP_X_FORWARDED_PROTO", request.scheme)
    environ["PATH_INFO"] = request.path
    environ["SCRIPT_NAME"] = ""
    return environ


def _port_of(request: web.Request) -> str:
    peer = None if request.transport is None else request.transport.get_extra_info("peername")
    return str(peer[1]) if isinstance(peer, tuple) and len(peer) > 1 else "0"
