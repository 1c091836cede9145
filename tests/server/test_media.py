"""The port of media: the same tests on a folder and on an S3 server."""

from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest

from handlers.errors import NotFound, Unavailable
from server.errors import StartupError
from server.media import PIECE_BYTES, Media
from tests.support.s3_server import S3Server

PICTURE, THUMBNAIL = b"picture" * PIECE_BYTES, b"thumbnail"


class Place:
    """Somewhere that files can lie: ``listed`` are the names of those that do."""

    def __init__(self, url: str, listed: Callable[[], list[str]]) -> None:
        self.media = Media(url, timeout=5)
        self.media.open()
        self.listed = listed


@pytest.fixture(params=["folder", "bucket"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, own_s3: Callable[[], S3Server], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Each kind of place in turn, empty."""
    if request.param == "folder":
        folder = tmp_path / "new" / "media"
        yield Place(
            str(folder),
            lambda: sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.is_file()),
        )
    else:
        server = own_s3()
        for name, value in server.variables.items():
            monkeypatch.setenv(name, value)
        yield Place(server.url, lambda: [key.removeprefix("hubbub/") for key in server.names()])


async def read(media: Media, picture_id: str, size: int, *, thumbnail: bool = False) -> list[bytes]:
    """The pieces of a file."""
    return [piece async for piece in media.read(picture_id, size, thumbnail=thumbnail)]


async def test_what_was_put_is_read_in_pieces(place: Place) -> None:
    await place.media.put("one", BytesIO(PICTURE), BytesIO(THUMBNAIL))
    pieces = await read(place.media, "one", len(PICTURE))
    assert b"".join(pieces) == PICTURE
    assert [len(piece) for piece in pieces] == [PIECE_BYTES] * 7
    assert await read(place.media, "one", len(THUMBNAIL), thumbnail=True) == [THUMBNAIL]
    assert place.listed() == ["pictures/one", "thumbnails/one"]


async def test_what_was_removed_is_gone_and_removing_it_again_is_harmless(place: Place) -> None:
    for name in ("one", "two"):
        await place.media.put(name, BytesIO(PICTURE), BytesIO(THUMBNAIL))
    for _ in range(2):
        await place.media.remove(["one", "never"])
        assert place.listed() == ["pictures/two", "thumbnails/two"]
    with pytest.raises(NotFound):
        await read(place.media, "one", len(PICTURE))


async def test_an_id_never_leads_out_of_its_place(place: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    for name in ("../../secret", "../../../secret", "/../../secret", str(secret)):
        with pytest.raises((ValueError, NotFound, Unavailable)):
            await read(place.media, name, 6)


async def test_a_bucket_that_is_away_is_unavailable_until_it_is_back(
    own_s3: Callable[[], S3Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = own_s3()
    for name, value in server.variables.items():
        monkeypatch.setenv(name, value)
    media = Media(server.url, timeout=1)
    media.open()
    server.kill()
    for attempt in (
        media.put("one", BytesIO(PICTURE), BytesIO(THUMBNAIL)),
        media.remove(["one"]),
        read(media, "one", 10),
    ):
        with pytest.raises(Unavailable):
            await attempt
    server.start()
    await media.put("one", BytesIO(PICTURE), BytesIO(THUMBNAIL))
    assert await read(media, "one", len(THUMBNAIL), thumbnail=True) == [THUMBNAIL]


def test_a_folder_that_cannot_be_made_ends_the_start_with_its_name(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    media = Media(str(tmp_path / "file" / "media"), timeout=1)
    with pytest.raises(StartupError, match=r"HUBBUB_MEDIA_URL=.*/file/media: it cannot be used"):
        media.open()
