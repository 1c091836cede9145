"""The mirror: the users table follows the claims of the tokens that come in."""

import logging
from collections import OrderedDict

from models import users
from models.database import Database
from models.users import User
from server.batcher import Batcher

_REMEMBERED = 50_000
_BATCH = 500
log = logging.getLogger("hubbub.mirror")


class Mirror:
    """Writes a user whose claims are new; people who arrive together share a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._written: OrderedDict[str, User] = OrderedDict()
        self._arrivals: Batcher[User] = Batcher(self._write, _BATCH)
        self._departures: Batcher[str] = Batcher(self._note, _BATCH)

    async def remember(self, user: User) -> None:
        """Make sure that the user stands in the table, unless this worker knows that they have, as their token says.

        Raises what the database raises.
        """
        if self._written.get(user.id) == user:
            self._written.move_to_end(user.id)
            return
        await self.arrive(user)

    async def arrive(self, user: User) -> None:
        """Make sure that the user stands in the table as their token says: another worker may know them otherwise.

        Raises what the database raises.
        """
        await self._arrivals.submit(user)

    async def seen(self, user_id: str) -> None:
        """Note that somebody was here until now; a database that is away is no reason to fail."""
        try:
            await self._departures.submit(user_id)
        except Exception as error:
            log.warning("When a user was last seen could not be written", extra={"cause": repr(error)})

    async def _write(self, arrived: list[User]) -> None:
        newest = {user.id: user for user in arrived}
        async with self._database.read() as conn:
            stored = await users.known(conn, newest)
        changed = [user for user in newest.values() if stored.get(user.id) != user]
        if changed:
            async with self._database.write() as conn:
                await users.remember(conn, changed)
        self._written.update(newest)
        while len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    async def _note(self, departed: list[str]) -> None:
        async with self._database.write() as conn:
            await users.seen(conn, departed)
