"""Web Push: the browsers in which a person is told while they are away."""

import base64
import binascii
import math
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from marshmallow import ValidationError, fields

from handlers.base import Context, handles
from handlers.errors import Invalid
from handlers.payload import Id, Nothing, Payload
from models import push_subscriptions
from models.types import now, to_wire

ENDPOINT_MAX = 2048
LAST_MS = 253_402_300_799_999


class Key(fields.Field[str]):
    """Bytes in URL-safe base64, padded or not, as a browser gives its keys."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) is not str or len(value) > 200:
            raise ValidationError("Must be text in URL-safe base64.")
        bare = value.rstrip("=")
        try:
            raw = base64.b64decode(bare + "=" * (-len(bare) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValidationError("Must be text in URL-safe base64.") from error
        self._require(raw)
        return bare

    def _require(self, raw: bytes) -> None:
        """Raise ``ValidationError`` unless these bytes are a key of this kind."""


class PublicKey(Key):
    """A point on the curve P-256, uncompressed."""

    def _require(self, raw: bytes) -> None:
        try:
            if len(raw) != 65:
                raise ValueError("not the length of an uncompressed point")
            ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), raw)
        except ValueError as error:
            raise ValidationError("Must be a public key of the curve P-256, uncompressed.") from error


class Auth(Key):
    """16 random bytes."""

    def _require(self, raw: bytes) -> None:
        if len(raw) != 16:
            raise ValidationError("Must hold 16 bytes.")


class Expiration(fields.Field[str]):
    """Milliseconds since 1970, fractions allowed; becomes the wire's time."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if type(value) not in {int, float} or not math.isfinite(value) or not 0 <= value <= LAST_MS:
            raise ValidationError("Must be a time in milliseconds since 1970, or null.")
        return to_wire(datetime.fromtimestamp(value / 1000, UTC))


class Keys(Payload):
    """The keys of a ``PushSubscription``."""

    p256dh = PublicKey(required=True)
    auth = Auth(required=True)


class Subscribe(Payload):
    """``push:subscribe``: a browser's ``PushSubscription`` as it is."""

    endpoint = Id(ENDPOINT_MAX, required=True)
    expiration_time = Expiration(allow_none=True)
    keys = fields.Nested(Keys, required=True)


class Unsubscribe(Payload):
    """``push:unsubscribe``."""

    endpoint = Id(ENDPOINT_MAX, required=True)


async def _check(ctx: Context, endpoint: str, expiration_time: str | None = None, **_: Any) -> None:
    if expiration_time is not None and expiration_time <= now():
        raise Invalid(fields={"expirationTime": ["This subscription has expired: subscribe anew."]})
    await ctx.services.push.check(endpoint)


@handles("push:subscribe", Subscribe, rest=("POST", "/api/push/subscriptions"), prepare=_check)
async def subscribe(
    ctx: Context, endpoint: str, keys: dict[str, str], expiration_time: str | None = None
) -> dict[str, Any]:
    """Push the actor's notifications to a browser while they are away."""
    row, ctx.created = await push_subscriptions.subscribe(
        ctx.conn,
        ctx.user.id,
        endpoint,
        p256dh=keys["p256dh"],
        auth=keys["auth"],
        expires_at=expiration_time,
        maximum=ctx.services.push.subscriptions_per_user,
    )
    return push_subscriptions.wire(row)


@handles("push:unsubscribe", Unsubscribe, rest=("DELETE", "/api/push/subscriptions"))
async def unsubscribe(ctx: Context, endpoint: str) -> dict[str, Any]:
    """Push nothing more to a browser; nothing happens when it is not the actor's."""
    await push_subscriptions.unsubscribe(ctx.conn, ctx.user.id, endpoint)
    return {"endpoint": endpoint}


@handles("push:key", Nothing, rest=("GET", "/api/push/key"), reads=True, audience=("user", "visitor", "backend"))
async def public_key(ctx: Context) -> dict[str, Any]:
    """The key that browsers subscribe with."""
    return {"publicKey": ctx.services.push.public_key}
