"""The inventory's row of "A, B: travel community" about the gallery, and those it has a part in, by their names."""

import pytest

from tests.acceptance.conftest import NO_LIMITS
from tests.acceptance.entities import Trip
from tests.acceptance.gallery import adds, decides, fetch, images_of, picture, refused
from tests.acceptance.people import DOORS, Gathering
from tests.support.process import temporary_folder
from tests.support.sse import SseStream


@pytest.fixture(scope="module")
def cluster_variables() -> dict[str, str | None]:
    """The limits of the other tests, and a folder of pictures that all workers share."""
    return NO_LIMITS | {"HUBBUB_MEDIA_URL": str(temporary_folder("media"))}


pytestmark = pytest.mark.parametrize("door", DOORS)


async def test_gallery_community_uploads_not_only_by_admins(arrive: Gathering) -> None:
    ada, visitor, trip = await arrive("Ada"), await arrive.visitor(), Trip()
    image = await adds(ada, trip, caption="The lake at noon")
    assert (image["status"], image["user"]["id"], image["caption"]) == ("pending", ada.id, "The lake at noon")
    assert (image["entityType"], image["entityId"]) == ("trip", trip.id)
    await refused("unauthenticated", visitor, trip.at, picture())


async def test_gallery_moderation_queue(arrive: Gathering) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator"), Trip()
    await mo.subscribes("admin")
    image = await adds(ada, trip)
    item = (await mo.hears("moderation:added", lambda each: each["subjectId"] == image["id"]))["data"]
    assert (item["kind"], item["cause"], item["subject"], item["user"]["id"]) == ("image", "upload", image, ada.id)
    assert await images_of(bo, trip) == []
    await decides(mo, image, "approve")
    assert await images_of(bo, trip) == [image | {"status": "approved"}]
    unwanted = await adds(ada, trip)
    await decides(mo, unwanted, "reject", reason="Not of this trip")
    told = await ada.hears("notification:created", lambda data: data["notification"]["level"] == "warning")
    assert told["data"]["notification"]["message"] == "Not of this trip"
    assert await images_of(ada, trip) == [image | {"status": "approved"}]


async def test_gallery_image_added_live(arrive: Gathering) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator"), Trip()
    await bo.subscribes(trip.channel("images"))
    image = await adds(ada, trip)
    own = await adds(mo, trip)
    await decides(mo, image, "approve")
    # A moderator's own picture needs no moderator.
    assert (await bo.hears("image:added"))["data"] == own
    assert (await bo.hears("image:added"))["data"] == image | {"status": "approved"}


async def test_gallery_image_deleted_live(arrive: Gathering) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator"), Trip()
    await bo.subscribes(trip.channel("images"))
    image = await adds(ada, trip)
    await decides(mo, image, "approve")
    await bo.refused("forbidden", "image:delete", imageId=image["id"])
    await ada.does("image:delete", imageId=image["id"])
    assert (await bo.hears("image:deleted"))["data"] == {"imageId": image["id"]}
    assert await images_of(bo, trip) == []
    assert (await fetch(bo, image["url"]))[0] == 404


async def test_gallery_featured_changed_live(arrive: Gathering) -> None:
    ada, bo, mo, trip = await arrive("Ada"), await arrive("Bo"), await arrive("Mo", role="moderator"), Trip()
    await bo.subscribes(trip.channel("images"))
    first, second = await adds(mo, trip), await adds(mo, trip)
    for image in (first, second):
        featured = await mo.does("image:feature", **trip.at, imageId=image["id"])
        assert featured == image | {"isFeatured": True}
        assert (await bo.hears("image:featured"))["data"] == featured
    assert [each["isFeatured"] for each in await images_of(bo, trip)] == [True, False]
    await ada.refused("forbidden", "image:feature", **trip.at, imageId=first["id"])


async def test_sse_api_subscribe_type_id_images(arrive: Gathering) -> None:
    mo, trip = await arrive("Mo", role="moderator"), Trip()
    async with SseStream(f"{arrive.cluster.b.url}/api/subscribe/trip/{trip.id}/images") as stream:
        image = await adds(mo, trip)
        (event,) = await stream.has(1)
        assert (event["event"], event["channel"], event["data"]) == ("image:added", trip.channel("images"), image)
