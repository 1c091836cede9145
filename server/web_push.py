"""Web Push: its keys, its endpoints and its sender, as one thing."""

from models.database import Database
from server.push_endpoints import PushEndpoints
from server.push_keys import PushKeys
from server.push_sender import PushSender


class WebPush:
    """The port ``WebPush`` of the handlers; ``subscriptions_per_user`` is how many browsers one person may have."""

    def __init__(
        self,
        database: Database,
        keys: PushKeys,
        endpoints: PushEndpoints,
        sender: PushSender,
        subscriptions_per_user: int,
    ) -> None:
        self._database = database
        self._keys = keys
        self._endpoints = endpoints
        self._sender = sender
        self.subscriptions_per_user = subscriptions_per_user

    @property
    def public_key(self) -> str:
        """What browsers subscribe with, in URL-safe base64."""
        return self._keys.public_key

    async def check(self, endpoint: str) -> None:
        """Raise ``Invalid`` unless a push may be sent there, ``Unavailable`` while nobody can tell."""
        await self._endpoints.check(endpoint)

    def wake(self) -> None:
        """Look at once for what was queued."""
        self._sender.wake()

    async def start(self) -> None:
        """Take the keys from the database, and begin to send."""
        await self._keys.open(self._database)
        self._sender.start()

    async def drain(self) -> None:
        """Begin nothing more, and wait a moment for what is under way."""
        await self._sender.drain()

    async def stop(self) -> None:
        """End."""
        await self._sender.stop()
        self._endpoints.close()
