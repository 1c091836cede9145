"""Galleries: pictures, made as cameras and strangers make them, and what people do with them through both doors."""

from collections.abc import Mapping
from io import BytesIO
from typing import Any

import aiohttp
from PIL import Image

from tests.acceptance import contract
from tests.acceptance.entities import Trip
from tests.acceptance.people import Person
from tests.support.hubbub import Hubbub, Reply


def picture(kind: str = "JPEG", size: tuple[int, int] = (64, 48), colour: Any = "teal", **encoding: Any) -> bytes:
    """A picture of one colour."""
    return encoded(Image.new("RGB", size, colour), kind, **encoding)


def encoded(image: Image.Image, kind: str, **encoding: Any) -> bytes:
    """An image as a file."""
    file = BytesIO()
    image.save(file, kind, **encoding)
    return file.getvalue()


async def post(
    worker: Hubbub, token: str | None, at: Mapping[str, str], file: bytes, name: str = "picture.jpg", **parts: str
) -> Reply:
    """Upload a file through the REST door, under a name of its own."""
    form = aiohttp.FormData()
    for part, text in parts.items():
        form.add_field(part, text)
    form.add_field("file", file, filename=name, content_type="application/octet-stream")
    return await worker.rest("POST", f"/api/{at['type']}/{at['id']}/images", token=token, data=form)


async def upload(person: Person, at: Mapping[str, str], file: bytes, **parts: str) -> dict[str, Any]:
    """Upload through this person's door; the reply's body."""
    if person.door == "socket":
        body, _ = await person.call("image:upload", **at, file=file, **parts)
        return body
    reply = await post(person.worker, person.credential, at, file, **parts)
    contract.reply(reply.body)
    if not reply.body["ok"]:
        assert reply.status == contract.STATUSES[reply.body["error"]["code"]], reply
    return reply.body


async def adds(person: Person, trip: Trip, file: bytes | None = None, **parts: str) -> dict[str, Any]:
    """Upload what is taken; the image."""
    body = await upload(person, trip.at, file or picture(), **parts)
    assert body["ok"], body
    contract.image(body["data"])
    return body["data"]


async def refused(code: str, person: Person, at: Mapping[str, str], file: bytes, **parts: str) -> dict[str, Any]:
    """Upload what is refused with that code; the error."""
    body = await upload(person, at, file, **parts)
    assert not body["ok"], body
    assert body["error"]["code"] == code, body
    return body["error"]


async def images_of(reader: Person, trip: Trip, **wanted: Any) -> list[dict[str, Any]]:
    """What a reader finds in the gallery, newest first."""
    return (await reader.does("image:list", **trip.at, **wanted))["images"]


async def fetch(reader: Person, address: str, **options: Any) -> tuple[int, Mapping[str, str], bytes]:
    """Get a file as this person: status, headers and content."""
    headers = dict(options.pop("headers", {}))
    if reader.credential:
        headers["Authorization"] = f"Bearer {reader.credential}"
    async with (
        aiohttp.ClientSession() as session,
        session.get(reader.worker.url + address, headers=headers, **options) as response,
    ):
        return response.status, response.headers, await response.read()


async def seen(reader: Person, address: str) -> Image.Image:
    """The picture at an address, as this person gets it."""
    status, _, content = await fetch(reader, address)
    assert status == 200, content
    image = Image.open(BytesIO(content))
    image.load()
    return image


async def decides(moderator: Person, image: Mapping[str, Any], decision: str, **more: str) -> dict[str, Any]:
    """Decide on an image that waits; the item."""
    items = (await moderator.does("moderation:list", kind="image", limit=100))["items"]
    (item,) = [each for each in items if each["subjectId"] == image["id"]]
    return await moderator.does("moderation:decide", itemId=item["id"], decision=decision, **more)
