"""Media: where the files of pictures lie, a folder or a bucket."""

import logging
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, BinaryIO

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, S3Store

from handlers.errors import NotFound, Unavailable
from server.errors import StartupError

log = logging.getLogger("hubbub.media")

# A file is handed on in pieces, each asked for by itself, so that a slow reader costs no more than one of them.
PIECE_BYTES = 512 * 1024
_RETRIES = 2


class Media:
    """The files of pictures: of each the picture itself and its thumbnail, under the picture's id.

    What is put is there as a whole or not at all; it is never changed, and removing what is not there is no failure.

    Args:
        url: a folder, which all workers share, or ``s3://bucket/prefix``; how to reach a bucket, and its credentials,
            are told by the variables that S3's own tools read (``AWS_ENDPOINT_URL``, ``AWS_ACCESS_KEY_ID`` …).
        timeout: seconds that one request may take.
    """

    def __init__(self, url: str, timeout: float) -> None:
        self._url = url
        self._timeout = timeout
        self._store: Any = None

    def open(self) -> None:
        """Get ready; a folder is made where there is none. Raises ``StartupError``."""
        try:
            self._store = _bucket(self._url, self._timeout) if self._url.startswith("s3://") else _folder(self._url)
        except (BaseError, OSError, ValueError) as error:
            raise StartupError(
                f"HUBBUB_MEDIA_URL={self._url}: it cannot be used ({_first_line(error)}); name a folder that this user"
                " may write to, or a bucket"
            ) from error

    async def put(self, picture_id: str, picture: BinaryIO, thumbnail: BinaryIO) -> None:
        """Store the files of a picture. Raises ``Unavailable``."""
        for key, file in zip(_keys(picture_id), (picture, thumbnail), strict=True):
            file.seek(0)
            try:
                await obstore.put_async(self._store, key, file, use_multipart=False)
            except (BaseError, OSError) as error:
                raise _away(error) from error

    async def read(self, picture_id: str, size: int, *, thumbnail: bool) -> AsyncIterator[bytes]:
        """A file of so many bytes, piece by piece. Raises ``NotFound`` when it is not there, ``Unavailable``."""
        key = _keys(picture_id)[thumbnail]
        for start in range(0, size, PIECE_BYTES):
            end = min(start + PIECE_BYTES, size)
            try:
                yield bytes(await obstore.get_range_async(self._store, key, start=start, end=end))
            except FileNotFoundError as error:
                raise NotFound("There is no such picture.") from error
            except (BaseError, OSError) as error:
                raise _away(error) from error

    async def remove(self, picture_ids: Sequence[str]) -> None:
        """Remove the files of pictures. Raises ``Unavailable``."""
        for picture_id in picture_ids:
            for key in _keys(picture_id):
                try:
                    await obstore.delete_async(self._store, key)
                except FileNotFoundError:
                    continue
                except (BaseError, OSError) as error:
                    raise _away(error) from error


def _keys(picture_id: str) -> tuple[str, str]:
    return f"pictures/{picture_id}", f"thumbnails/{picture_id}"


def _folder(url: str) -> LocalStore:
    return LocalStore(prefix=Path(url).absolute(), mkdir=True)


def _bucket(url: str, timeout: float) -> S3Store:
    patience = timedelta(seconds=timeout)
    return S3Store.from_url(
        url,
        # It is the endpoint that says whether it is spoken to in clear text.
        client_options={"timeout": patience, "connect_timeout": patience, "allow_http": True},
        retry_config={"max_retries": _RETRIES, "retry_timeout": patience},
    )


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _away(error: Exception) -> Unavailable:
    log.warning("The store of pictures (HUBBUB_MEDIA_URL) failed", extra={"cause": str(error)[:500]})
    return Unavailable("Pictures cannot be reached at the moment; try again in a moment.")
