"""A chat server as an ordinary developer writes it: python-socketio on aiohttp, SQLAlchemy's ORM, one commit a message.

Run as a program it is the baseline of the benchmark of persisted messages; it makes its tables and rooms itself.
"""

import argparse
import asyncio
from datetime import UTC, datetime
from typing import Any

import jwt
import socketio
import uvloop
from aiohttp import web
from sqlalchemy import DateTime, ForeignKey, Index, Text, event, make_url
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg"}


class Base(DeclarativeBase):
    """Tables of this application."""


class Room(Base):
    """A chat room."""

    __tablename__ = "rooms"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]


class Member(Base):
    """Who belongs to a room."""

    __tablename__ = "members"
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"), primary_key=True)
    user_id: Mapped[str] = mapped_column(primary_key=True)


class Message(Base):
    """What was said in a room."""

    __tablename__ = "messages"
    __table_args__ = (Index("messages_by_room", "room_id", "id"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(ForeignKey("rooms.id"))
    user_id: Mapped[str]
    message: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))

    def as_json(self) -> dict[str, Any]:
        """The message as clients see it."""
        return {
            "id": self.id,
            "roomId": self.room_id,
            "userId": self.user_id,
            "message": self.message,
            "createdAt": self.created_at.isoformat(),
        }


def make_engine(url: URL) -> AsyncEngine:
    """An engine whose commits are as durable as Hubbub's."""
    if url.get_backend_name() != "sqlite":
        return create_async_engine(url, pool_size=10, max_overflow=0, pool_timeout=300)
    # SQLite has one writer. With SQLAlchemy's default pool concurrent transactions fail with "database is locked".
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=300)

    @event.listens_for(engine.sync_engine, "connect")
    def make_durable(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")

    return engine


async def make_tables(engine: AsyncEngine, rooms: int) -> None:
    """Create the tables, and rooms numbered from 1."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    async with AsyncSession(engine) as session:
        session.add_all(Room(name=f"room {number}") for number in range(1, rooms + 1))
        await session.commit()


def make_socket_server(sessions: async_sessionmaker[AsyncSession], secret: str) -> socketio.AsyncServer:
    """The Socket.IO server with its three events."""
    sio = socketio.AsyncServer(async_mode="aiohttp")

    @sio.event
    async def connect(sid: str, _environ: dict[str, Any], auth: dict[str, Any]) -> None:
        try:
            claims = jwt.decode(auth["token"], secret, algorithms=["HS256"])
        except jwt.InvalidTokenError as error:
            raise socketio.exceptions.ConnectionRefusedError("unauthenticated") from error
        await sio.save_session(sid, {"user_id": claims["sub"]})

    @sio.on("room:join")
    async def join_room(sid: str, data: dict[str, Any]) -> dict[str, Any]:
        user_id = (await sio.get_session(sid))["user_id"]
        async with sessions() as session:
            await session.merge(Member(room_id=data["roomId"], user_id=user_id))
            await session.commit()
        await sio.enter_room(sid, f"room:{data['roomId']}")
        return {"ok": True}

    @sio.on("message:send")
    async def send_message(sid: str, data: dict[str, Any]) -> dict[str, Any]:
        user_id = (await sio.get_session(sid))["user_id"]
        async with sessions() as session:
            if await session.get(Member, (data["roomId"], user_id)) is None:
                return {"ok": False, "error": {"code": "forbidden"}}
            message = Message(
                room_id=data["roomId"], user_id=user_id, message=data["message"], created_at=datetime.now(UTC)
            )
            session.add(message)
            await session.commit()
        row = message.as_json()
        await sio.emit("message:created", row, room=f"room:{row['roomId']}")
        return {"ok": True, "data": row}

    return sio


async def make_app(database_url: str, rooms: int, secret: str) -> web.Application:
    """The whole application, its database prepared."""
    url = make_url(database_url)
    engine = make_engine(url.set(drivername=DRIVERS[url.get_backend_name()]))
    await make_tables(engine, rooms)
    app = web.Application()
    make_socket_server(async_sessionmaker(engine, expire_on_commit=False), secret).attach(app)
    return app


def main() -> None:
    """Serve on loopback until told to stop."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--database-url", required=True)
    parser.add_argument("--rooms", type=int, required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--loop", choices=("asyncio", "uvloop"), required=True)
    options = parser.parse_args()
    loop = uvloop.new_event_loop() if options.loop == "uvloop" else asyncio.new_event_loop()
    app = make_app(options.database_url, options.rooms, options.secret)
    web.run_app(app, host="127.0.0.1", port=options.port, backlog=4096, access_log=None, print=None, loop=loop)


if __name__ == "__main__":
    main()
