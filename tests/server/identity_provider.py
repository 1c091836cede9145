"""An identity provider on loopback: it publishes real keys as a JWK Set and signs tokens with them."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_MAKERS = {
    "RS256": lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


class IdentityProvider:
    """It answers on `url_of(port)`, with the public halves of the keys that it has made."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.answer: str | None = None
        """What is answered instead of the keys."""
        self.held = asyncio.Event()
        """While it isn't set, whoever asks for the keys waits."""
        self.held.set()
        self.asked = 0
        self._keys: dict[str, tuple[str, Any]] = {}
        self._published: set[str] = set()
        self._runner: web.AppRunner | None = None

    def make_key(self, algorithm: str = "RS256", *, published: bool = True) -> str:
        """Make a key pair; its name, which no other key has."""
        name = f"{algorithm}-{secrets.token_hex(4)}"
        self._keys[name] = algorithm, _MAKERS[algorithm]()
        if published:
            self._published.add(name)
        return name

    def public_key(self, name: str) -> bytes:
        """The public half of a key, in PEM."""
        public: bytes = self._keys[name][1].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        return public

    def token(self, user_id: str, key: str, **claims: Any) -> str:
        """A token signed with that key; a claim of None is left out."""
        algorithm, private = self._keys[key]
        wanted = {"sub": user_id, "name": user_id.title(), "exp": int(time.time()) + 3600} | claims
        payload = {name: value for name, value in wanted.items() if value is not None}
        return jwt.encode(payload, private, algorithm, headers={"kid": key})

    async def start(self) -> None:
        """Answer, on the same port each time."""
        app = web.Application()
        app.router.add_get("/jwks.json", self._jwks)
        self._runner = web.AppRunner(app, shutdown_timeout=0)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()

    async def stop(self) -> None:
        """Answer no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _jwks(self, request: web.Request) -> web.Response:
        self.asked += 1
        await self.held.wait()
        if self.answer is not None:
            return web.Response(text=self.answer, content_type="text/html")
        return web.json_response({"keys": [self._jwk(name) for name in sorted(self._published)]})

    def _jwk(self, name: str) -> dict[str, Any]:
        algorithm, private = self._keys[name]
        public = json.loads(jwt.get_algorithm_by_name(algorithm).to_jwk(private.public_key()))
        return public | {"kid": name, "use": "sig", "alg": algorithm}


def url_of(port: int) -> str:
    """HUBBUB_JWKS_URL of the provider on that port."""
    return f"http://127.0.0.1:{port}/jwks.json"


@asynccontextmanager
async def identity_provider(port: int) -> AsyncIterator[IdentityProvider]:
    """A running provider without keys yet."""
    provider = IdentityProvider(port)
    await provider.start()
    try:
        yield provider
    finally:
        provider.held.set()
        await provider.stop()
