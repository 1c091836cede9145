"""Identity: from a token to who acts, one way for every transport."""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jwt
from aiohttp import web

from handlers.errors import Unauthenticated, Unavailable
from handlers.payload import IDENTIFIER_MAX, clean
from models.users import User
from server.batcher import Batcher
from server.settings import Settings

log = logging.getLogger("hubbub.identity")

COOKIE = "hubbub_session"
GUEST_CLAIM = "guest"
ROLES = {"user", "moderator", "admin"}
NAME_MAX = 200
PICTURE_MAX = 2048
_ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
# The end of the year 9999, the last that a date can say.
_LAST_SECOND = 253_402_300_799
_KEYS_SECONDS = 300
_UNKNOWN_KEY_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Credential:
    """Who a request says it is: ``user`` until ``expires_at`` (seconds since 1970, None: for ever), or ``backend``.

    ``issued_at`` is when their token was made, None when it doesn't say.
    """

    user: User | None = None
    backend: str | None = None
    expires_at: float | None = None
    cookie: bool = False
    issued_at: float | None = None


VISITOR = Credential()
Admit = Callable[[str, float | None], None]


class Identity:
    """Verifies JWTs (of our own secret or of an identity provider) and API keys."""

    def __init__(self, settings: Settings) -> None:
        self._secret = settings.secret
        self._guests = settings.demo
        self._issuer = settings.jwt_issuer
        self._audience = settings.jwt_audience
        self._keys = {_digest(key): _key_name(key) for key in settings.api_keys}
        self._visitors = settings.visitors
        self._provider = _Provider(settings.jwks_url) if settings.jwks_url else None
        self.admit: Admit = lambda user_id, issued_at: None

    async def of(self, request: web.BaseRequest, *, auth: Any = None, query_token: bool = False) -> Credential:
        """Who a request comes from; the first credential found decides.

        Args:
            request: carries ``Authorization: Bearer`` or the session cookie.
            auth: the auth object of a Socket.IO CONNECT, if that is what it is.
            query_token: whether ``?token=`` counts (for SSE, whose browser client can set no header).

        Raises:
            Unauthenticated: a bad or revoked token, or none where visitors are refused.
            Forbidden: the user is banned.
        """
        given = auth if isinstance(auth, dict) else {}
        bearer = _bearer(request)
        if (key := given.get("apiKey")) is not None:
            return self.backend(key)
        if (token := given.get("token")) is not None:
            return await self.user(token)
        if bearer is not None:
            return self.backend(bearer) if _digest(bearer) in self._keys else await self.user(bearer)
        if (token := request.cookies.get(COOKIE)) is not None:
            return replace(await self.user(token), cookie=True)
        if query_token and (token := request.query.get("token")) is not None:
            return await self.user(token)
        if not self._visitors:
            raise Unauthenticated()
        return VISITOR

    def backend(self, key: Any) -> Credential:
        """The backend of an API key. Raises ``Unauthenticated``."""
        name = self._keys.get(_digest(key)) if isinstance(key, str) else None
        if name is None:
            raise Unauthenticated("This API key is not known here.")
        return Credential(backend=name)

    async def user(self, token: Any) -> Credential:
        """The user of a session token. Raises ``Unauthenticated``, ``Forbidden`` for one who is banned."""
        claims = await self._claims(token)
        if "channel" in claims:
            raise Unauthenticated("This token is for a subscription and signs nobody in.")
        if GUEST_CLAIM in claims and not self._guests:
            raise Unauthenticated("This token is a guest's of the demo, which is off.")
        issued_at = claims["iat"] if type(claims.get("iat")) in {int, float} else None
        self.admit(claims["sub"], issued_at)
        return Credential(_user(claims), None, _end(claims), issued_at=issued_at)

    async def subscription(self, token: Any) -> tuple[str, Any]:
        """Whose subscription token this is, and the channel it is for. Raises ``Unauthenticated``."""
        claims = await self._claims(token)
        return claims["sub"], claims.get("channel")

    async def _claims(self, token: Any) -> dict[str, Any]:
        if not isinstance(token, str) or not token.isascii():
            # A header may also hold halves of surrogate pairs, on which PyJWT fails.
            raise Unauthenticated("The token is not a text of ASCII characters.")
        try:
            algorithm = jwt.get_unverified_header(token).get("alg")
            if algorithm == "HS256" and self._secret:
                key, algorithms = self._secret, ["HS256"]
            elif algorithm in _ASYMMETRIC and self._provider:
                key, algorithms = await self._provider.key(token), _ASYMMETRIC
            else:
                raise Unauthenticated("The token is signed in a way that is not accepted here.")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=algorithms,
                issuer=self._issuer,
                audience=self._audience,
                options={"require": ["sub"], "verify_iat": False, "verify_aud": self._audience is not None},
            )
        except jwt.ExpiredSignatureError as error:
            raise Unauthenticated("The token has expired: get a new one.") from error
        except (jwt.PyJWTError, TypeError) as error:
            # TypeError: the token names one kind of signature, and a key of another kind.
            raise Unauthenticated(f"The token is not valid: {error}.") from error
        subject = claims["sub"]
        if not 0 < len(subject) <= IDENTIFIER_MAX or clean(subject) != subject or "\n" in subject:
            raise Unauthenticated(f"The token's sub must be an id of 1 to {IDENTIFIER_MAX} characters.")
        if "exp" in claims and type(claims["exp"]) not in {int, float}:
            # PyJWT lets a text pass that looks like a number.
            raise Unauthenticated("The token's exp must be a number: seconds since 1970.")
        return claims


class _Provider:
    """The public keys of an identity provider, asked for again when a token names one that is not known."""

    def __init__(self, url: str) -> None:
        self._client = jwt.PyJWKClient(url, cache_jwk_set=False, timeout=5)
        self._keys: dict[str | None, Any] = {}
        self._outdated = 0.0
        # Made-up keys, each until when, so that their tokens do not become requests to the provider.
        self._unknown: dict[str | None, float] = {}
        # One question at a time, which answers everybody who came before it was put.
        self._questions: Batcher[str | None] = Batcher(self._ask, 10_000)

    async def key(self, token: str) -> Any:
        """The key that signed a token. Raises ``jwt.PyJWTError``, ``Unavailable``."""
        name = jwt.get_unverified_header(token).get("kid")
        now = time.monotonic()
        if now >= self._outdated or (name not in self._keys and now >= self._unknown.get(name, 0.0)):
            await self._questions.submit(name)
        if name not in self._keys:
            raise jwt.InvalidKeyError("signed with a key that the identity provider does not publish")
        return self._keys[name]

    async def _ask(self, names: list[str | None]) -> None:
        try:
            found = await asyncio.to_thread(self._client.get_jwk_set)
        except (jwt.PyJWTError, ValueError) as error:
            log.warning("The identity provider's keys could not be read", extra={"cause": repr(error)})
            raise Unavailable("The identity provider's keys (HUBBUB_JWKS_URL) cannot be read now.") from error
        now = time.monotonic()
        self._keys = {each.key_id: each.key for each in found.keys if each.key_id and each.public_key_use != "enc"}
        self._outdated = now + _KEYS_SECONDS
        self._unknown = {name: until for name, until in self._unknown.items() if until > now}
        self._unknown |= {name: now + _UNKNOWN_KEY_SECONDS for name in names if name not in self._keys}


def _bearer(request: web.BaseRequest) -> str | None:
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() if kind.lower() == "bearer" else None


def _digest(key: str) -> bytes:
    # Looked up by digest, so that the time it takes says nothing of the key.
    return hmac.digest(b"hubbub", key.encode("utf-8", "surrogatepass"), hashlib.sha256)


def _key_name(key: str) -> str:
    return f"key:{_digest(key).hex()[:12]}"


def _end(claims: dict[str, Any]) -> float | None:
    """When a token ends: never, where it doesn't say, or names a time that no calendar has."""
    end: float | None = claims.get("exp")
    return None if end is None or end > _LAST_SECOND else end


def _user(claims: dict[str, Any]) -> User:
    first, last = _text(claims, "given_name", NAME_MAX), _text(claims, "family_name", NAME_MAX)
    name = _text(claims, "name", NAME_MAX) or f"{first} {last}".strip() or claims["sub"]
    role = claims.get("role")
    picture = _text(claims, "picture", PICTURE_MAX)
    safe = picture.startswith(("https://", "http://", "/"))
    return User(claims["sub"], name, first, last, picture if safe else None, role if role in ROLES else "user")


def _text(claims: dict[str, Any], name: str, maximum: int) -> str:
    value = claims.get(name)
    return clean(value)[:maximum].strip() if isinstance(value, str) else ""
