"""Uploads and the files that come of them: what they cost the server, and what a crash leaves of them."""

import asyncio
import contextlib
import os
import re
import secrets
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from PIL import Image

from handlers.errors import Invalid
from handlers.payload import Upload
from models import leftovers
from models.database import Database
from models.migrate import upgrade
from models.types import ago, ahead
from server.leftovers import Leftovers
from server.media import Media
from server.pictures import Bounds, StoredPictures
from server.setting_urls import database_url
from server.spool import Spool
from tests.support.hubbub import Cluster, Hubbub, Reply, two_workers
from tests.support.postgres_server import PostgresServer
from tests.support.redis_server import RedisServer
from tests.support.s3_server import S3Server
from tests.support.waiting import eventually

MIB = 2**20
UNLIMITED = {"HUBBUB_ACTIONS_PER_SECOND": "10000", "HUBBUB_ACTIONS_BURST": "10000", "HUBBUB_UPLOADS_PER_USER": "100"}


def noise(side: int) -> bytes:
    """A PNG of some three bytes for each of its pixels."""
    file, grain = BytesIO(), Image.effect_noise((side, side), 100)
    Image.merge("RGB", (grain, grain.rotate(90), grain.rotate(180))).save(file, "PNG", compress_level=1)
    return file.getvalue()


async def add(worker: Hubbub, role: str = "moderator", file: bytes | None = None, trip: str = "1") -> Reply:
    """Upload a picture as somebody of that role."""
    form = aiohttp.FormData()
    form.add_field("file", file or noise(16), filename="picture.png")
    return await worker.rest("POST", f"/api/trip/{trip}/images", token=worker.token("ada", role=role), data=form)


def peak(pid: int) -> int:
    """The most memory that a process ever had, in bytes."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def spooled(worker: Hubbub) -> list[int]:
    """The sizes of the uploads that lie on the disk of a worker, whose files have no name."""
    sizes = []
    for each in Path(f"/proc/{worker.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            if str(worker.folder / "uploads") in os.readlink(each):
                sizes.append(each.stat().st_size)
    return sizes


async def begin(worker: Hubbub, length: int, content: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Begin an upload of that length, of which no more than ``content`` comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", worker.port)
    head = (
        f"POST /api/trip/1/images HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {worker.token('ada')}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {length}\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
    )
    writer.write(head.encode() + content)
    await writer.drain()
    return reader, writer


async def test_what_comes_lies_on_the_disk_and_not_in_memory(start_hubbub: Callable[..., Hubbub]) -> None:
    worker = start_hubbub(**UNLIMITED)
    count, content = 20, bytes(9 * MIB)
    assert (await add(worker)).status == 201
    before = peak(worker.pid)
    begun = await asyncio.gather(*(begin(worker, 10 * MIB, content) for _ in range(count)))
    # The last piece waits for the boundary that might follow it.
    await eventually(lambda: sum(spooled(worker)) > count * (len(content) - MIB), "the uploads to lie on the disk", 60)
    grown = peak(worker.pid) - before
    assert grown < count * len(content) / 4, f"{grown / MIB:.0f} MiB for {count * len(content) / MIB:.0f} MiB"
    for _, writer in begun:
        writer.close()
    await eventually(lambda: spooled(worker) == [], "the disk to be free again")


async def test_memory_stays_bounded_while_large_pictures_come(start_hubbub: Callable[..., Hubbub]) -> None:
    worker = start_hubbub(**UNLIMITED)
    picture = noise(1750)
    assert 8 * MIB < len(picture) <= 10 * MIB
    for _ in range(2):
        assert (await add(worker, file=picture)).status == 201
    before, count = peak(worker.pid), 16
    replies = await asyncio.gather(*(add(worker, file=picture) for _ in range(count)))
    assert [reply.status for reply in replies] == [201] * count
    grown = peak(worker.pid) - before
    assert grown < count * len(picture) / 2, f"{grown / MIB:.0f} MiB for {count * len(picture) / MIB:.0f} MiB"


@pytest.fixture
def cluster_on_s3(own_s3: Callable[[], S3Server], redis_server: RedisServer, postgres_server: PostgresServer) -> Any:
    """Two workers that keep their pictures in one bucket, and the server that holds it."""
    server = own_s3()
    cluster = two_workers(
        redis_server.url,
        postgres_server.create_database(),
        HUBBUB_MEDIA_URL=server.url,
        **{"HUBBUB_MEDIA_TIMEOUT_SECONDS": "2"},
        **server.variables,
    )
    try:
        cluster.start()
        yield cluster, server
    finally:
        cluster.kill()


async def test_pictures_in_a_bucket_are_served_by_every_worker_and_removed(
    cluster_on_s3: tuple[Cluster, S3Server],
) -> None:
    cluster, server = cluster_on_s3
    picture = noise(700)
    image = (await add(cluster.a, file=picture)).body["data"]
    assert server.names() == [f"hubbub/{folder}/{image['id']}" for folder in ("pictures", "thumbnails")]
    async with aiohttp.ClientSession() as session, session.get(cluster.b.url + image["url"]) as response:
        shown = Image.open(BytesIO(await response.read()))
    assert shown.tobytes() == Image.open(BytesIO(picture)).tobytes()
    token = cluster.token("mo", role="moderator")
    assert (await cluster.b.rest("DELETE", f"/api/images/{image['id']}", token=token)).status == 200
    await eventually(lambda: server.names() == [], "the bucket to be empty")


async def test_while_the_bucket_is_away_uploads_are_unavailable_and_leave_no_image(
    cluster_on_s3: tuple[Cluster, S3Server],
) -> None:
    cluster, server = cluster_on_s3
    trip, token = secrets.token_hex(4), cluster.token("mo", role="moderator")
    image = (await add(cluster.a, trip=trip)).body["data"]
    server.pause()
    reply = await add(cluster.a, trip=trip)
    assert (reply.status, reply.body["error"]["code"]) == (503, "unavailable")
    listed = await cluster.b.rest("GET", f"/api/trip/{trip}/images", token=token)
    assert listed.body["data"]["images"] == [image]
    shown = await cluster.b.rest("GET", image["url"], token=token)
    assert (shown.status, shown.body["error"]["code"]) == (503, "unavailable")
    # The rest of the server goes on.
    assert (await cluster.a.rest("GET", "/readyz")).status == 200
    server.resume()
    assert (await add(cluster.a, trip=trip)).status == 201


async def test_what_was_deleted_before_a_crash_is_removed_after_it(cluster_on_s3: tuple[Cluster, S3Server]) -> None:
    cluster, server = cluster_on_s3
    images = [(await add(cluster.a)).body["data"] for _ in range(3)]
    assert len(server.names()) == 6
    server.pause()
    token = cluster.token("mo", role="moderator")
    for image in images:
        assert (await cluster.a.rest("DELETE", f"/api/images/{image['id']}", token=token)).status == 200
    cluster.kill()
    server.resume()
    assert server.names() != []
    cluster.start()
    await eventually(lambda: server.names() == [], "the bucket to be empty", timeout=60)


class Workshop:
    """The parts that make and remove files, without a server around them."""

    def __init__(self, url: str, folder: Path) -> None:
        self.database = Database(url)
        self.folder = folder / "media"
        self.media = Media(str(self.folder), timeout=5)
        self.media.open()
        spool = Spool(folder / "uploads")
        spool.open()
        bounds = Bounds(bytes=10 * MIB, pixels=40_000_000, seconds=30, concurrency=2)
        self.pictures = StoredPictures(self.database, self.media, spool, bounds)
        self.sweeper = Leftovers(self.database, self.media)

    def files(self) -> list[str]:
        """All files that are stored."""
        return sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())


@pytest.fixture(params=["sqlite", "postgresql"])
async def workshop(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """One upon each database."""
    if request.param == "sqlite":
        url = database_url(f"sqlite:///{tmp_path / 'hubbub.db'}")
        await asyncio.to_thread(upgrade, url)
    else:
        url = database_url(request.getfixturevalue("postgres_server").create_database())
    made = Workshop(url, tmp_path)
    yield made
    await made.database.close()


async def always(_conn: Any) -> bool:
    """Every upload is wanted."""
    return True


def upload(content: bytes) -> Upload:
    """What a door hands on."""
    return Upload(BytesIO(content), len(content))


async def due(workshop: Workshop, picture_id: str, moment: str) -> None:
    """Have the files of a picture removed at another moment than was said."""
    async with workshop.database.write() as conn:
        changed = leftovers.leftovers.update().where(leftovers.leftovers.c.id == picture_id)
        assert (await conn.execute(changed.values(due_at=moment))).rowcount == 1


async def test_files_of_which_no_image_came_are_removed_when_they_are_due(workshop: Workshop) -> None:
    lost, made = [await workshop.pictures.keep(upload(noise(16)), always) for _ in range(2)]
    assert lost is not None
    assert made is not None
    assert len(workshop.files()) == 4
    async with workshop.database.write() as conn:
        assert await leftovers.keep(conn, made.id)
    # Not while their image may still come to be.
    assert await workshop.sweeper.sweep() == 0
    await due(workshop, lost.id, ago(1))
    assert await workshop.sweeper.sweep() == 1
    assert workshop.files() == [f"pictures/{made.id}", f"thumbnails/{made.id}"]
    assert await workshop.sweeper.sweep() == 0


async def test_an_image_never_comes_of_files_that_are_being_removed(workshop: Workshop) -> None:
    kept = await workshop.pictures.keep(upload(noise(16)), always)
    assert kept is not None
    await due(workshop, kept.id, ago(1))
    async with workshop.database.write() as conn:
        assert await leftovers.take(conn, 10, ahead(60)) == [kept.id]
        assert await leftovers.take(conn, 10, ahead(60)) == []
        assert not await leftovers.keep(conn, kept.id)


async def test_what_is_not_wanted_or_no_picture_is_not_stored(workshop: Workshop) -> None:
    async def never(_conn: Any) -> bool:
        return False

    assert await workshop.pictures.keep(upload(noise(16)), never) is None
    with pytest.raises(Invalid):
        await workshop.pictures.keep(upload(b"no picture"), always)
    assert workshop.files() == []
    async with workshop.database.read() as conn:
        assert (await conn.execute(leftovers.leftovers.select())).all() == []


async def test_a_drain_answers_uploads_that_have_not_come_yet(start_hubbub: Callable[..., Hubbub]) -> None:
    worker = start_hubbub()
    reader, writer = await begin(worker, 5000, b"abc")
    await eventually(lambda: spooled(worker) != [], "the upload to begin")
    status = await asyncio.to_thread(worker.terminate)
    assert b"503" in await reader.readline()
    assert b'"unavailable"' in await reader.read()
    writer.close()
    assert status == 0
