"""Pages: the demo application and the client library, as files."""

from pathlib import Path

from aiohttp import web

import static

_ROOT = Path(next(iter(static.__path__)))
SECURITY = {
    # style-src-attr: CodeMirror and y-codemirror.next give the colours of cursors as style attributes. Style elements
    # stay forbidden: the editor stands in a shadow root, where CodeMirror adopts its style sheets.
    "Content-Security-Policy": (
        "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data: blob: https:;"
        " style-src-attr 'unsafe-inline'; object-src 'none'; base-uri 'none';"
        " frame-ancestors 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
# The parts of the folder that a browser gets; packages and their descriptions stay inside.
SERVED = ("app", "client", "vendor")
# At the root, because a service worker is in charge of what lies beside and below it.
WORKER = "/service-worker.js"


def routes(*, demo: bool) -> list[web.AbstractRouteDef]:
    """The client library and the service worker, always, and the demo's page, in demo mode."""
    found: list[web.AbstractRouteDef] = [
        web.static(f"/static/{part}", _ROOT / part) for part in SERVED if (_ROOT / part).is_dir()
    ]
    found.append(web.get(WORKER, _worker))
    if demo:
        found.append(web.get("/", _index))
    return found


async def _index(request: web.Request) -> web.FileResponse:
    return web.FileResponse(_ROOT / "index.html", headers={"Cache-Control": "no-cache"})


async def _worker(request: web.Request) -> web.FileResponse:
    return web.FileResponse(_ROOT / "service-worker.js")


async def secure(request: web.Request, response: web.StreamResponse) -> None:
    """A signal for ``on_response_prepare``: headers that keep a page to itself."""
    if response.content_type == "text/html" or request.path.startswith("/static/") or request.path == WORKER:
        for name, value in SECURITY.items():
            response.headers.setdefault(name, value)
        response.headers.setdefault("Cache-Control", "no-cache")
