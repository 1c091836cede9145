"""The server's key pair for Web Push (VAPID, RFC 8292): made once, kept in the database, the same on every worker."""

import base64
import time

import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from models import secrets
from models.database import Database

_NAME = "vapid"
# A push service takes tokens of 24 hours at most; half of that leaves clocks room to differ.
TOKEN_SECONDS = 12 * 3600
_RENEWED_SECONDS = 3600
_TOKENS = 1000


class PushKeys:
    """Signs what goes to push services, as ``subject``: a ``mailto:`` or ``https:`` contact."""

    def __init__(self, subject: str) -> None:
        self._subject = subject
        self._private: ec.EllipticCurvePrivateKey | None = None
        self._tokens: dict[str, tuple[str, float]] = {}
        self.public_key = ""
        """What browsers subscribe with, in URL-safe base64."""

    async def open(self, database: Database) -> None:
        """Take the pair from the database; whichever worker comes first makes it."""
        async with database.read() as conn:
            kept = await secrets.get(conn, _NAME)
        if kept is None:
            made = ec.generate_private_key(ec.SECP256R1()).private_numbers().private_value
            async with database.write() as conn:
                kept = await secrets.keep(conn, _NAME, _encode(made.to_bytes(32, "big")))
        self._private = ec.derive_private_key(int.from_bytes(_decode(kept), "big"), ec.SECP256R1())
        public = self._private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        self.public_key = _encode(public)

    def authorization(self, origin: str) -> str:
        """The ``Authorization`` header for a push service; a signature is used again for a while."""
        token, ends = self._tokens.get(origin, ("", 0.0))
        if ends - time.time() < _RENEWED_SECONDS:
            if len(self._tokens) >= _TOKENS:
                self._tokens.clear()
            assert self._private is not None, "PushKeys.open was not awaited"
            ends = int(time.time()) + TOKEN_SECONDS
            token = jwt.encode({"aud": origin, "exp": ends, "sub": self._subject}, self._private, algorithm="ES256")
            self._tokens[origin] = token, ends
        return f"vapid t={token}, k={self.public_key}"


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
