"""Galleries, through both doors: who sees what when, what is stored of a picture, and what is left when it is gone."""

import asyncio
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from tests.acceptance import contract
from tests.acceptance.conftest import NO_LIMITS
from tests.acceptance.entities import Trip
from tests.acceptance.gallery import (
    adds,
    decides,
    encoded,
    fetch,
    images_of,
    picture,
    post,
    refused,
    seen,
    upload,
)
from tests.acceptance.people import DOORS, Gathering, Person
from tests.acceptance.storytellers import post as say
from tests.acceptance.storytellers import write
from tests.support.process import temporary_folder
from tests.support.waiting import eventually

pytestmark = pytest.mark.parametrize("door", DOORS)

RED, BLUE = (220, 30, 30), (30, 30, 220)
ORIENTATION, MAKER, GPS = 0x112, 0x10F, 0x8825


@pytest.fixture(scope="module")
def media() -> Path:
    """The folder that all workers share."""
    return temporary_folder("media")


@pytest.fixture(scope="module")
def cluster_variables(media: Path) -> dict[str, str | None]:
    """The limits of the other tests, and that folder."""
    return NO_LIMITS | {"HUBBUB_MEDIA_URL": str(media)}


def halves(size: tuple[int, int] = (600, 300)) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, BLUE)
    ImageDraw.Draw(image).rectangle((0, 0, size[0] // 2 - 1, size[1]), fill=RED)
    return image


def is_like(found: object, wanted: tuple[int, ...]) -> bool:
    """Whether a pixel is of this colour, as far as an encoding keeps it."""
    assert isinstance(found, tuple)
    return all(abs(a - b) < 40 for a, b in zip(found, wanted, strict=False))


async def status_of(reader: Person, address: str) -> int:
    """What the server answers to this person who asks for a file."""
    return (await fetch(reader, address))[0]


async def test_what_waits_is_seen_by_its_uploader_and_moderators_alone_file_included(arrive: Gathering) -> None:
    ada, bo, trip = await arrive("Ada"), await arrive("Bo"), Trip()
    mo, visitor, backend = await arrive("Mo", role="moderator"), await arrive.visitor(), await arrive.backend()
    await bo.subscribes(trip.channel("images"))
    image = await adds(ada, trip)
    for insider in (ada, mo, await arrive("Ann", role="admin")):
        assert await images_of(insider, trip) == [image]
        for address in (image["url"], image["thumbnailUrl"]):
            status, headers, _ = await fetch(insider, address)
            assert status == 200
            assert headers["Cache-Control"] == "private, no-store"
    for outsider in (bo, visitor, backend):
        assert await images_of(outsider, trip) == []
        for address in (image["url"], image["thumbnailUrl"]):
            status, headers, content = await fetch(outsider, address)
            assert status == 404
            assert headers["Cache-Control"] == "no-store"
            assert content == (await fetch(outsider, address.replace(image["id"], "nothing")))[2]
    await bo.refused("not_found", "image:delete", imageId=image["id"])
    await mo.refused("conflict", "image:feature", **trip.at, imageId=image["id"])
    await decides(mo, image, "approve")
    assert (await bo.hears("image:added"))["data"]["id"] == image["id"]
    for each in (bo, visitor, backend, ada):
        assert await images_of(each, trip) == [image | {"status": "approved"}]
        assert [await status_of(each, image[name]) for name in ("url", "thumbnailUrl")] == [200, 200]
    assert [data["id"] for data in bo.heard("image:added")] == [image["id"]]


async def test_a_file_is_served_so_that_it_can_do_nothing_but_be_seen(arrive: Gathering) -> None:
    mo, visitor, trip = await arrive("Mo", role="moderator"), await arrive.visitor(), Trip()
    for kind, media_type, extension in (
        ("JPEG", "image/jpeg", "jpg"),
        ("PNG", "image/png", "png"),
        ("WEBP", "image/webp", "webp"),
        ("GIF", "image/gif", "gif"),
    ):
        image = await adds(mo, trip, picture(kind))
        for address, type_, name in (
            (image["url"], media_type, f"picture.{extension}"),
            (image["thumbnailUrl"], "image/webp", "thumbnail.webp"),
        ):
            status, headers, content = await fetch(visitor, address)
            assert (status, headers["Content-Type"]) == (200, type_)
            assert headers["Content-Disposition"] == f'inline; filename="{name}"'
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
            assert headers["Cache-Control"] == "public, max-age=31536000, immutable"
            assert int(headers["Content-Length"]) == len(content)
            again = await fetch(visitor, address, headers={"If-None-Match": headers["ETag"]})
            assert (again[0], again[2]) == (304, b"")
        assert image["bytes"] == len((await fetch(visitor, image["url"]))[2])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_is_turned_upright_and_tells_nothing_of_who_made_it(arrive: Gathering, kind: str) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    exif = Image.Exif()
    exif[ORIENTATION], exif[MAKER] = 6, "Secret Camera Works"
    exif.get_ifd(GPS).update({1: "N", 2: (52.0, 31.0, 12.0)})
    more = {"comment": b"A secret place"} if kind == "JPEG" else {}
    file = encoded(halves(), kind, exif=exif, quality=95, **more)
    assert b"Secret Camera" in file
    image = await adds(mo, trip, file)
    # Turned by a quarter to the right: what was on the left is on top.
    assert (image["width"], image["height"]) == (300, 600)
    for address, size in ((image["url"], (300, 600)), (image["thumbnailUrl"], (240, 480))):
        shown = await seen(mo, address)
        assert shown.size == size
        assert dict(shown.getexif()) == {}
        top, bottom = (shown.convert("RGB").getpixel((size[0] // 2, y)) for y in (20, size[1] - 20))
        assert is_like(top, RED), top
        assert is_like(bottom, BLUE), bottom
        content = (await fetch(mo, address))[2].lower()
        assert b"secret" not in content
        assert b"exif" not in content


async def test_the_colours_of_a_profile_are_those_of_the_web(arrive: Gathering) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    image = await adds(mo, trip, encoded(Image.new("CMYK", (40, 30), (0, 255, 255, 0)), "JPEG"))
    shown = await seen(mo, image["url"])
    assert (shown.mode, shown.format) == ("RGB", "JPEG")
    assert is_like(shown.getpixel((20, 15)), (255, 0, 0))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_what_moves_goes_on_moving_and_its_thumbnail_stands_still(arrive: Gathering, kind: str) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    frames = []
    for place in range(4):
        frame = Image.new("RGBA", (80, 60), (0, 0, 0, 0))
        ImageDraw.Draw(frame).ellipse((place * 20, 5, place * 20 + 19, 54), fill=(*RED, 255))
        frames.append(frame)
    file = encoded(
        frames[0], kind, save_all=True, append_images=frames[1:], duration=[100, 200, 300, 400], loop=3, disposal=2
    )
    image = await adds(mo, trip, file)
    shown = await seen(mo, image["url"])
    assert (shown.n_frames, shown.info["loop"]) == (4, 3)
    for place in range(4):
        shown.seek(place)
        shown.load()
        assert shown.info["duration"] == (place + 1) * 100
        pixels = [shown.convert("RGBA").getpixel((x * 20 + 10, 30)) for x in range(4)]
        assert [pixel[3] > 0 for pixel in pixels] == [x == place for x in range(4)]
    thumbnail = await seen(mo, image["thumbnailUrl"])
    assert (thumbnail.n_frames, thumbnail.size) == (1, (80, 60))


async def test_a_list_is_paged_newest_first(arrive: Gathering) -> None:
    ada, mo, trip = await arrive("Ada"), await arrive("Mo", role="moderator"), Trip()
    made = [await adds(person, trip) for person in (mo, ada, mo, ada)][::-1]
    first = await ada.does("image:list", **trip.at, limit=3)
    assert (first["images"], first["hasMore"]) == (made[:3], True)
    second = await ada.does("image:list", **trip.at, limit=3, before=made[2]["id"])
    assert (second["images"], second["hasMore"]) == (made[3:], False)
    assert await images_of(await arrive.visitor(), trip) == [made[1], made[3]]
    await ada.refused("invalid", "image:list", **trip.at, limit=101)


async def test_a_client_id_adds_one_picture(arrive: Gathering) -> None:
    ada, mo, trip = await arrive("Ada"), await arrive("Mo", role="moderator"), Trip()
    first = await adds(ada, trip, clientId="one")
    assert await adds(ada, trip, picture("PNG"), clientId="one") == first
    replies = await asyncio.gather(*(upload(ada, trip.at, picture(), clientId="two") for _ in range(4)))
    assert len({body["data"]["id"] for body in replies}) == 1
    assert len(await images_of(ada, trip)) == 2
    await decides(mo, first, "approve")
    assert await adds(ada, trip, clientId="one") == first | {"status": "approved"}
    await ada.does("image:delete", imageId=first["id"])
    assert (await adds(ada, trip, clientId="one"))["status"] == "deleted"


async def test_a_rejected_picture_is_gone_and_its_uploader_is_told_why(arrive: Gathering) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator"), Trip()
    for each, channel in ((bo, trip.channel("images")), (mo, "admin")):
        await each.subscribes(channel)
    image = await adds(ada, trip, caption="A secret place")
    item = await decides(mo, image, "reject", reason="Too dark")
    contract.moderation_item(item)
    assert (item["status"], item["reason"], item["subject"]) == ("rejected", "Too dark", None)
    notice = (await ada.hears("notification:created", channel=ada.own_channel))["data"]["notification"]
    assert (notice["title"], notice["message"], notice["type"]) == ("Your picture was removed", "Too dark", "SYSTEM")
    assert notice["data"]["subjectId"] == image["id"]
    for each in (ada, mo):
        assert await images_of(each, trip) == []
        assert await status_of(each, image["url"]) == 404
    await mo.refused("conflict", "moderation:decide", itemId=item["id"], decision="approve")
    assert "A secret place" not in str(await mo.subscribes("admin", after=0))
    # Others never heard of it.
    await bo.is_up_to_date()
    assert [event for event in ("image:added", "image:deleted") if bo.heard(event)] == []


async def test_an_approved_picture_is_told_to_its_uploader_and_counted(arrive: Gathering) -> None:
    ada, mo, trip = await arrive("Ada"), await arrive("Mo", role="moderator"), Trip()
    reply = await ada.subscribes(trip.channel("images"), snapshot=True)
    assert reply["snapshot"] == {"count": 0}
    image = await adds(ada, trip, caption="The lake")
    assert (await ada.subscribes(trip.channel("images"), snapshot=True))["snapshot"] == {"count": 0}
    await decides(mo, image, "approve")
    notice = (await ada.hears("notification:created", channel=ada.own_channel))["data"]["notification"]
    assert (notice["title"], notice["level"]) == ("Your picture was approved", "success")
    reply = await mo.subscribes(trip.channel("images"), snapshot=True)
    assert (reply["snapshot"], reply["seq"]) == ({"count": 1}, 1)
    await ada.does("image:delete", imageId=image["id"])
    reply = await ada.subscribes(trip.channel("images"), snapshot=True, after=0)
    assert (reply["snapshot"], reply["seq"]) == ({"count": 0}, 2)
    assert "The lake" not in str(reply)


async def test_what_waits_is_withdrawn_when_its_uploader_deletes_it(arrive: Gathering) -> None:
    ada, mo, trip = await arrive("Ada"), await arrive("Mo", role="moderator"), Trip()
    await mo.subscribes("admin")
    for deleter, status in ((ada, "withdrawn"), (mo, "rejected")):
        image = await adds(ada, trip)
        gone = await deleter.does("image:delete", imageId=image["id"])
        assert (gone["id"], gone["status"]) == (image["id"], "deleted")
        item = (await mo.hears("moderation:decided", lambda each, id=image["id"]: each["subjectId"] == id))["data"]
        assert (item["status"], item["subject"]) == (status, None)
        await ada.refused("not_found", "image:delete", imageId=image["id"])
    assert await images_of(mo, trip) == []


async def test_one_picture_at_most_stands_for_an_entity(arrive: Gathering) -> None:
    mo, trip, other = await arrive("Mo", role="moderator"), Trip(), Trip()
    made = [await adds(mo, trip) for _ in range(4)]
    await asyncio.gather(*(mo.call("image:feature", **trip.at, imageId=image["id"]) for image in made))
    assert sum(each["isFeatured"] for each in await images_of(mo, trip)) == 1
    await mo.does("image:feature", **trip.at, imageId=made[0]["id"])
    await mo.refused("not_found", "image:feature", **other.at, imageId=made[0]["id"])
    await mo.refused("not_found", "image:feature", **trip.at, imageId="nothing")
    await mo.does("image:delete", imageId=made[0]["id"])
    assert not any(each["isFeatured"] for each in await images_of(mo, trip))
    await mo.does("image:feature", **trip.at, imageId=made[1]["id"])


async def test_the_muted_and_the_banned_add_no_pictures(arrive: Gathering) -> None:
    ada, mo, trip = await arrive("Ada"), await arrive("Mo", role="moderator"), Trip()
    image = await adds(ada, trip)
    await mo.does("user:mute", userId=ada.id)

    async def is_muted() -> bool:
        """Whether her worker knows already."""
        body = await upload(ada, trip.at, b"no picture")
        return body["error"]["code"] == "forbidden" and "muted" in body["error"]["message"]

    await eventually(is_muted, "Ada to be muted")
    assert await status_of(ada, image["url"]) == 200
    await mo.does("user:ban", userId=ada.id)
    await ada.socket.wait_for("disconnect")
    reply = await post(ada.worker, ada.credential, trip.at, picture())
    assert (reply.status, reply.body["error"]["code"]) == (403, "forbidden")
    assert await status_of(ada, image["url"]) == 403
    assert await images_of(mo, trip) == [image]


async def test_pictures_of_a_private_story_are_its_readers(arrive: Gathering) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    story = await write(ada)
    at = {"type": "story", "id": story["id"]}
    body = await upload(mo, at, picture())
    image = body["data"]
    assert (await fetch(bo, image["url"]))[1]["Cache-Control"].startswith("public")
    await ada.does("story:visibility", storyId=story["id"], visibility="private")
    assert await status_of(bo, image["url"]) == 404
    await bo.refused("not_found", "image:list", **at)
    await refused("not_found", bo, at, picture())
    status, headers, _ = await fetch(ada, image["url"])
    assert (status, headers["Cache-Control"]) == (200, "private, no-store")


async def test_the_files_of_what_is_gone_are_removed(arrive: Gathering, media: Path) -> None:
    ada, mo, trip = await arrive("Ada"), await arrive("Mo", role="moderator"), Trip()

    def files(image: dict[str, object]) -> list[str]:
        return [path.parent.name for path in media.glob(f"*/{image['id']}")]

    deleted, rejected = await adds(ada, trip), await adds(ada, trip)
    for image in (deleted, rejected):
        assert sorted(files(image)) == ["pictures", "thumbnails"]
    await ada.does("image:delete", imageId=deleted["id"])
    await decides(mo, rejected, "reject")
    await eventually(lambda: files(deleted) + files(rejected) == [], "the files to be removed")


async def test_pictures_of_a_deleted_story_go_with_it_files_included(arrive: Gathering, media: Path) -> None:
    ada, bo, mo = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator")
    story, other = await write(ada), await write(ada)
    said = await say(bo, story)
    kept = await _add_to(mo, "story", other["id"])
    shown, of_post = await _add_to(mo, "story", story["id"]), await _add_to(mo, "post", said["id"])
    waiting = await _add_to(bo, "story", story["id"], clientId="one")
    await mo.subscribes("admin")
    await ada.does("story:delete", storyId=story["id"])
    item = (await mo.hears("moderation:decided", lambda each: each["subjectId"] == waiting["id"]))["data"]
    assert (item["status"], item["subject"]) == ("withdrawn", None)
    gone = {image["id"] for image in (shown, of_post, waiting)}
    await eventually(lambda: not gone & {path.name for path in media.glob("*/*")}, "the files to be removed")
    for image in (shown, of_post, waiting):
        assert await status_of(mo, image["url"]) == 404
    assert await status_of(bo, kept["url"]) == 200


async def test_pictures_of_a_deleted_post_go_with_it(arrive: Gathering, media: Path) -> None:
    ada, mo = await arrive("Ada"), await arrive("Mo", role="moderator")
    said = await say(ada, await write(ada))
    image = await _add_to(mo, "post", said["id"])
    await ada.does("post:delete", postId=said["id"])
    await eventually(lambda: list(media.glob(f"*/{image['id']}")) == [], "the files to be removed")
    assert await status_of(mo, image["url"]) == 404


async def _add_to(person: Person, kind: str, id: str, **parts: str) -> dict[str, str]:
    body = await upload(person, {"type": kind, "id": id}, picture(), **parts)
    assert body["ok"], body
    return body["data"]


async def test_a_picture_larger_than_a_packet_comes_whole(arrive: Gathering) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    noise = Image.effect_noise((1600, 1200), 90)
    file = encoded(Image.merge("RGB", (noise, noise.rotate(180), noise)), "PNG")
    assert 2**20 < len(file) < 10 * 2**20
    reply = await post(mo.worker, mo.credential, trip.at, file, name="../../etc/passwd")
    assert reply.status == 201, reply
    shown = await seen(mo, reply.body["data"]["url"])
    assert shown.tobytes() == Image.open(BytesIO(file)).convert("RGB").tobytes()
