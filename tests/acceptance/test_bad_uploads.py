"""Uploads that are not taken, through both doors: each has its error, nothing is stored and nothing is shown."""

import asyncio
import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.acceptance.conftest import NO_LIMITS
from tests.acceptance.entities import Trip
from tests.acceptance.gallery import adds, encoded, images_of, picture, post, refused, upload
from tests.acceptance.people import DOORS, Gathering
from tests.support.process import temporary_folder

UPLOAD_BYTES = 600_000


@pytest.fixture(scope="module")
def media() -> Path:
    """The folder that all workers share."""
    return temporary_folder("media")


@pytest.fixture(scope="module")
def cluster_variables(media: Path) -> dict[str, str | None]:
    """That folder, few bytes, blocked words, and few uploads at a time."""
    words = Path(temporary_folder("words")) / "words.txt"
    words.write_text("refuse: slurword\n", encoding="utf-8")
    return NO_LIMITS | {
        "HUBBUB_MEDIA_URL": str(media),
        "HUBBUB_UPLOAD_BYTES": str(UPLOAD_BYTES),
        "HUBBUB_UPLOADS_PER_USER": "3",
        "HUBBUB_UPLOAD_SECONDS": "5",
        "HUBBUB_BLOCKED_WORDS": str(words),
    }


def files(folder: Path) -> set[str]:
    """All files in a folder."""
    return {str(path) for path in folder.rglob("*") if path.is_file()}


def png(width: int, height: int) -> bytes:
    """A PNG whose header names this size, in few bytes."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    squeezed, row = zlib.compressobj(9), bytes(width + 1)
    pixels = b"".join(squeezed.compress(row) for _ in range(min(height, 5000))) + squeezed.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels[:9000]) + chunk(b"IEND", b"")


def webp(width: int, height: int) -> bytes:
    """The header of a WebP of this size."""
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 22) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + canvas


def archive() -> bytes:
    """A ZIP archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("evil.js", "alert(1)")
    return file.getvalue()


def many_frames() -> bytes:
    """A small GIF of many frames, more pixels in all than are allowed."""
    first = encoded(Image.new("P", (4000, 1000)), "GIF")
    end = len(first) - 1
    start = first.index(b",", 13 + 3 * 2 ** ((first[10] & 7) + 1) if first[10] & 0x80 else 13)
    return first[:end] + first[start:end] * 10 + b";"


BOMBS = {
    "41 megapixels in 10 kB": png(8200, 5000),
    "3,600 megapixels": png(60_000, 60_000),
    "WebP": webp(16_383, 16_383),
    "many frames": many_frames(),
}
BROKEN = {
    "text": b"I am no picture",
    "zeros": bytes(1000),
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>',
    "HTML": b"<!doctype html><script>alert(1)</script>",
    "BMP": picture("BMP"),
    "TIFF": picture("TIFF"),
    "ICO": picture("ICO"),
    "PDF": picture("PDF"),
    "ZIP": archive(),
    "the head of a JPEG": picture(size=(300, 300))[:400],
    "half a PNG": picture("PNG", (300, 300))[:-200],
    "half a GIF": picture("GIF", (300, 300))[:-10],
    "half a WebP": picture("WEBP", (300, 300))[:-10],
    "magic alone": b"\xff\xd8\xff\xe0",
    "GIF's name alone": b"GIF89a",
}
POLYGLOTS = {
    "PNG and HTML": picture("PNG") + b"<html><script>alert(1)</script></html>",
    "PNG and a program": picture("PNG") + b"MZ\x90\x00",
    "GIF and JavaScript": picture("GIF") + b"*/=alert(1);",
    "WebP and more": picture("WEBP") + b"more",
    "JPEG and ZIP": picture() + archive(),
    "ZIP within a PNG": picture("PNG")[:-12] + archive(),
    "script in a JPEG's comment": picture(comment=b"<script>alert(1)</script>"),
    "PHP in a JPEG's comment": picture(comment=b"<?php system($_GET[1]); ?>"),
    "PDF in a JPEG's comment": picture(comment=b"%PDF-1.7 1 0 obj"),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", BOMBS | BROKEN | POLYGLOTS)
async def test_what_is_no_picture_is_invalid_and_leaves_nothing(arrive: Gathering, media: Path, name: str) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    before = files(media)
    file = (BOMBS | BROKEN | POLYGLOTS)[name]
    error = await refused("invalid", mo, trip.at, file)
    assert list(error["fields"]) == ["file"]
    assert ("pixels" in error["fields"]["file"][0]) == (name in BOMBS), error
    assert await images_of(mo, trip) == []
    assert files(media) == before


@pytest.mark.parametrize("door", DOORS)
async def test_41_megapixels_came_in_10_kilobytes(arrive: Gathering) -> None:
    assert len(BOMBS["41 megapixels in 10 kB"]) < 10_240
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    # What is just as small, and within bounds, is taken.
    await adds(mo, trip, encoded(Image.new("1", (8000, 5000)), "PNG"))


@pytest.mark.parametrize("door", DOORS)
async def test_too_many_bytes_are_too_large(arrive: Gathering, media: Path) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    before = files(media)
    await refused("too_large", mo, trip.at, picture() + bytes(UPLOAD_BYTES))
    assert files(media) == before
    assert await images_of(mo, trip) == []


@pytest.mark.parametrize("door", DOORS)
async def test_entities_that_cannot_be_are_not_found(arrive: Gathering, media: Path) -> None:
    ada = await arrive("Ada")
    before = files(media)
    ids = ("../../etc/passwd", "a/b", "..%2f..%2fetc", "a b", "é", "a" * 129, "a" * 10_000, "a:b", "a\\b")
    for at in [{"type": "trip", "id": id} for id in ids] + [{"type": "planet", "id": "1"}]:
        if ada.door == "rest":
            reply = await ada.worker.rest(
                "POST",
                f"/api/{at['type']}/{at['id'].replace('/', '%2F').replace(' ', '%20')[:7000]}/images",
                token=ada.credential,
                data={"file": io.BytesIO(picture())},
            )
            assert (reply.status, reply.body["error"]["code"]) in {(404, "not_found"), (422, "invalid")}, reply
        else:
            body = await upload(ada, at, picture())
            assert body["error"]["code"] in {"not_found", "invalid"}, body
    assert files(media) == before


@pytest.mark.parametrize("door", DOORS)
async def test_captions_are_checked_as_other_texts_are(arrive: Gathering, media: Path) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    before = files(media)
    for caption in ("a" * 501, "What a slurword"):
        error = await refused("invalid", mo, trip.at, picture(), caption=caption)
        assert list(error["fields"]) == ["caption"]
    assert files(media) == before
    image = await adds(mo, trip, caption="Line\nand \u0007bell 🎉")
    assert image["caption"] == "Line\nand bell 🎉"
    assert (await adds(mo, trip, caption=" "))["caption"] in {None, " "}


FORM = "multipart/form-data; boundary=x"


def part(content: bytes, *headers: bytes, name: bytes = b"file") -> bytes:
    """A part of a form."""
    lines = [b"--x", b'Content-Disposition: form-data; name="%b"; filename="a"' % name, *headers, b"", content, b""]
    return b"\r\n".join(lines)


END = b"--x--\r\n"
BODIES: dict[str, tuple[str, bytes]] = {
    "JSON": ("application/json", b'{"file": "abc"}'),
    "nothing": ("application/octet-stream", b""),
    "a bare picture": ("image/jpeg", picture()),
    "a form": ("application/x-www-form-urlencoded", b"file=abc"),
    "no boundary": ("multipart/form-data", part(b"abc") + END),
    "another boundary": ("multipart/form-data; boundary=y", part(b"abc") + END),
    "no end": (FORM, part(b"abc").strip()),
    "no parts": (FORM, END),
    "no file": (FORM, part(b"abc", name=b"caption") + END),
    "no name": (FORM, b"--x\r\nContent-Disposition: form-data\r\n\r\nb\r\n" + END),
    "no disposition": (FORM, b"--x\r\n\r\nb\r\n" + END),
    "an empty file": (FORM, part(b"") + END),
    "two files": (FORM, part(b"abc") * 2 + END),
    "parts within parts": (
        FORM,
        part(b"--y\r\n\r\nabc\r\n--y--\r\n", b"Content-Type: multipart/mixed; boundary=y") + END,
    ),
    "a length beyond its end": (FORM, part(b"abc", b"Content-Length: 9999") + END),
    "a length that is none": (FORM, part(b"abc", b"Content-Length: many") + END),
    "bad headers": (FORM, b"--x\r\n\xff\xfe: \x00\r\nnonsense\r\n\r\nabc\r\n" + END),
    "endless headers": (FORM, part(b"abc", b"X: " + b"a" * 100_000) + END),
    "a hundred parts": (FORM, b"".join(part(b"a", name=b"p%d" % n) for n in range(100)) + END),
    "a squeezed file": (FORM, part(zlib.compress(picture()), b"Content-Encoding: deflate") + END),
    "an encoding that is none": (FORM, part(b"abc", b"Content-Transfer-Encoding: nonsense") + END),
}


@pytest.mark.parametrize("name", BODIES)
async def test_bodies_that_are_no_upload_are_invalid(arrive: Gathering, media: Path, name: str) -> None:
    ada, trip = await arrive("Ada"), Trip()
    before = files(media)
    media_type, body = BODIES[name]
    reply = await ada.worker.rest(
        "POST",
        f"/api/trip/{trip.id}/images",
        token=ada.credential,
        data=body,
        headers={"Content-Type": media_type},
    )
    assert (reply.status, reply.body["error"]["code"]) == (422, "invalid"), reply
    assert list(reply.body["error"]["fields"]) == ["file"]
    assert files(media) == before


async def test_a_name_leads_nowhere(arrive: Gathering, media: Path) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    for name in ("../../../../tmp/evil.php", "/etc/passwd", "..\\..\\evil", "%2e%2e%2f", "a" * 3000):
        reply = await post(mo.worker, mo.credential, trip.at, picture(), name=name)
        assert reply.status == 201, reply
        assert name not in str(reply.body)
    stored = {path.relative_to(media).parts for path in media.rglob("*") if path.is_file()}
    ids = {image["id"] for image in await images_of(mo, trip)}
    assert {parts for parts in stored if parts[1] in ids} == {
        (folder, id) for folder in ("pictures", "thumbnails") for id in ids
    }


async def test_other_values_than_files_are_invalid_over_the_socket(arrive: Gathering) -> None:
    ada, trip = await arrive("Ada"), Trip()
    wrong: list[Any] = ["abc", "", 7, None, {}, {"size": 1}, [], [1, 2], True, b""]
    for file in wrong:
        await ada.refused("invalid", "image:upload", **trip.at, file=file)
    await ada.refused("invalid", "image:upload", **trip.at)
    await ada.refused("invalid", "image:upload", **trip.at, file=picture(), caption=b"bytes")
    await ada.refused("invalid", "image:list", **trip.at, before=picture())


async def test_uploads_that_dawdle_are_few_and_have_an_end(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada", at=arrive.cluster.a), await arrive("Bo", at=arrive.cluster.a), Trip()
    host, port = "127.0.0.1", ada.worker.port
    head = (
        f"POST /api/trip/{trip.id}/images HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {ada.credential}\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 5000\r\n\r\n"
        '--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nabc'
    )
    slow = []
    for _ in range(3):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(head.encode())
        await writer.drain()
        slow.append((reader, writer))

    while (reply := await post(ada.worker, ada.credential, trip.at, picture())).status == 201:
        # Not all of them have arrived yet.
        continue
    assert (reply.status, reply.body["error"]["code"]) == (429, "rate_limited")
    assert int(reply.headers["Retry-After"]) >= 1
    assert (await upload(bo, trip.at, picture()))["ok"]
    for reader, writer in slow:
        assert b"503" in await reader.readline()
        writer.close()
    assert (await post(ada.worker, ada.credential, trip.at, picture())).status == 201
