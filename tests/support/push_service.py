"""A push service on loopback: it decrypts what it gets for its browsers, and holds it against the standards."""

import asyncio
import base64
import datetime
import ipaddress
import json
import secrets
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import http_ece
import jwt
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.support.process import free_port
from tests.support.waiting import eventually

Headers = dict[str, str]


@dataclass(frozen=True)
class Pushed:
    """A push as it arrived: its headers, the claims of its sender's token, and what it says."""

    headers: Headers
    claims: dict[str, Any]
    payload: dict[str, Any]
    body: bytes = field(repr=False)


class Browser:
    """A browser with a subscription at this endpoint, and the private keys to it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        self.pushed: list[Pushed] = []
        self.answers: list[tuple[int, Headers]] = []
        """What the service says to the next pushes, each of which it then doesn't take; later ones are taken."""
        self.refused: list[int] = []
        """What it has said so far when it didn't take one."""
        self._private = ec.generate_private_key(ec.SECP256R1())
        self._auth = secrets.token_bytes(16)

    @property
    def keys(self) -> dict[str, str]:
        """The public half, as a browser tells it."""
        point = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {"p256dh": encode(point), "auth": encode(self._auth)}

    @property
    def subscription(self) -> dict[str, Any]:
        """The browser's `PushSubscription`."""
        return {"endpoint": self.endpoint, "expirationTime": None, "keys": self.keys}

    def decrypt(self, body: bytes) -> dict[str, Any]:
        """What a push says."""
        plain = http_ece.decrypt(body, private_key=self._private, auth_secret=self._auth, version="aes128gcm")
        told: dict[str, Any] = json.loads(plain)
        return told

    async def gets(self, predicate: Callable[[Pushed], Any] = lambda pushed: True) -> Pushed:
        """The first push that satisfies `predicate`, come or to come."""

        def found() -> list[Pushed]:
            return [each for each in self.pushed if predicate(each)]

        return (await eventually(found, f"a push among {self.pushed}", timeout=20))[0]


class PushService:
    """Takes pushes for the browsers that subscribed here; with a certificate, over TLS.

    What a standard forbids stands in `errors`, and is answered with 400.
    """

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.port = free_port()
        self.url = f"{'https' if tls else 'http'}://{host}:{self.port}"
        self.errors: list[str] = []
        self.held = asyncio.Event()
        """While it isn't set, pushes wait for their answer."""
        self.held.set()
        self.waiting = 0
        """How many wait at this moment."""
        self.handler: Callable[[web.Request], Any] | None = None
        """What answers instead."""
        self._tls = tls
        self._host = host
        self._browsers: dict[str, Browser] = {}
        self._runner: web.AppRunner | None = None

    def browser(self) -> Browser:
        """A new browser with a subscription here."""
        name = secrets.token_urlsafe(16)
        self._browsers[name] = Browser(f"{self.url}/push/{name}")
        return self._browsers[name]

    async def start(self) -> None:
        """Take pushes, on the same port each time."""
        app = web.Application()
        app.router.add_route("*", "/{rest:.*}", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, ssl_context=self._tls).start()

    async def stop(self) -> None:
        """Take no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if self.handler is not None:
            response: web.StreamResponse = await self.handler(request)
            return response
        self.waiting += 1
        try:
            await self.held.wait()
        finally:
            self.waiting -= 1
        browser = self._browsers.get(request.path.removeprefix("/push/"))
        if browser is None:
            return web.Response(status=404)
        if browser.answers:
            status, headers = browser.answers.pop(0)
            browser.refused.append(status)
            return web.Response(status=status, headers=headers, text="Not now.")
        try:
            browser.pushed.append(self._taken(browser, request, await request.read()))
        except Exception as error:
            self.errors.append(repr(error))
            return web.Response(status=400, text=repr(error))
        return web.Response(status=201, headers={"Location": f"{self.url}/message/{secrets.token_urlsafe(8)}"})

    def _taken(self, browser: Browser, request: web.Request, body: bytes) -> Pushed:
        """RFC 8030 (TTL, Topic, Urgency), RFC 8188 and 8291 (the body), RFC 8292 (who sends)."""
        assert request.method == "POST"
        assert request.headers["Content-Encoding"] == "aes128gcm"
        assert int(request.headers["TTL"]) >= 0
        assert len(request.headers["Topic"]) <= 32
        assert request.headers["Urgency"] in {"very-low", "low", "normal", "high"}
        assert len(body) <= 4096
        return Pushed(
            dict(request.headers), self._signed(request.headers["Authorization"]), browser.decrypt(body), body
        )

    def _signed(self, authorization: str) -> dict[str, Any]:
        scheme, _, parameters = authorization.partition(" ")
        assert scheme == "vapid"
        given = dict(each.strip().split("=", 1) for each in parameters.split(","))
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), decode(given["k"]))
        claims: dict[str, Any] = jwt.decode(given["t"], key, algorithms=["ES256"], audience=self.url)
        assert claims["exp"] <= time.time() + 24 * 3600
        assert claims["sub"].startswith(("mailto:", "https:"))
        return claims | {"key": given["k"]}


def encode(raw: bytes) -> str:
    """URL-safe base64 as browsers write it."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """The bytes of it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@asynccontextmanager
async def push_service(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> AsyncIterator[PushService]:
    """A running push service, to which nothing came that a standard forbids."""
    service = PushService(host, tls)
    await service.start()
    try:
        yield service
    finally:
        service.held.set()
        await service.stop()
    assert service.errors == []


def certified(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """What a service on loopback needs for TLS, and the file of the authority that vouches for it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    today = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - datetime.timedelta(days=1))
        .not_valid_after(today + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]),
            critical=False,
        )
        .sign(key, hashes.SHA256())
    )
    authority, chain = folder / "authority.pem", folder / "service.pem"
    public = certificate.public_bytes(Encoding.PEM)
    authority.write_bytes(public)
    chain.write_bytes(public + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain)
    return context, authority
