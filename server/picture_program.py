"""A program of its own that makes one picture fit to be shown: what it holds beside the picture stays behind.

Decoders meet what strangers made, so they run apart: in a process for each picture, without the server's secrets in its
environment, with bounds on its memory and its output, and ended when it takes too long. It imports nothing of Hubbub.

    picture_program.py PIXELS BYTES PICTURE THUMBNAIL < upload

PIXELS are allowed in all, over all frames; BYTES in each of the files that it writes, whose descriptors are PICTURE and
THUMBNAIL. Prints ``{"type", "width", "height"}``, or ``{"refused"}``: ``kind``, ``pixels``, ``broken`` or ``more``.
"""

import json
import os
import re
import resource
import sys
import zipfile
from io import BytesIO
from typing import Any, BinaryIO, cast

from PIL import Image, ImageCms, ImageOps, ImageSequence, JpegImagePlugin, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
THUMBNAIL_PIXELS = 480
# What decoding, turning and encoding take at their worst for each pixel, and a program that does it by itself.
PIXEL_BYTES = 24
PROGRAM_BYTES = 768 * 1024 * 1024
# What a browser or a server would take for a page or a program.
_MARKUP = re.compile(rb"<(!doctype\s|html[\s>]|script[\s>]|\?php[\s])", re.IGNORECASE)
_OVERLAP = 16
_PIECE = 1 << 20
_PDF_WITHIN = 1024
# What a frame may tell of itself, of all that a file says.
_SHOWN = ("transparency", "duration", "loop", "background")


class Refused(Exception):
    """The upload is not taken; the argument says why."""


def main() -> None:
    """Work on one picture; says on standard output what came of it."""
    pixels, size, picture, thumbnail = map(int, sys.argv[1:])
    os.nice(5)
    memory = PROGRAM_BYTES + PIXEL_BYTES * pixels
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with os.fdopen(0, "rb") as upload, os.fdopen(picture, "wb") as shown, os.fdopen(thumbnail, "wb") as small:
        try:
            told: dict[str, Any] = make(upload, pixels, shown, small)
        except Refused as refusal:
            told = {"refused": refusal.args[0]}
        except Exception as error:
            # Decoders fail in many ways on what is broken; the server logs which one it was.
            told = {"refused": "broken", "cause": repr(error)[:200]}
    print(json.dumps(told))


def make(upload: BinaryIO, pixels: int, shown: BinaryIO, small: BinaryIO) -> dict[str, Any]:
    """Write the picture and its thumbnail, and tell of what type and size it is. Raises ``Refused``."""
    Image.MAX_IMAGE_PIXELS = pixels
    try:
        _require_size(_canvas(upload), pixels)
        image = Image.open(upload, formats=FORMATS)
        _require_size(image.size, pixels)
        frames = getattr(image, "n_frames", 1) if image.format in {"GIF", "WEBP", "PNG"} else 1
        _require_size((image.width * frames, image.height), pixels)
    except UnidentifiedImageError as error:
        raise Refused("kind") from error
    except Image.DecompressionBombError as error:
        raise Refused("pixels") from error
    kind = "JPEG" if image.format == "MPO" else str(image.format)
    _require_nothing_more(upload, kind)
    image.seek(0)
    encoding = _encoding(image, kind, upload)
    made = [_clean(frame) for frame in ImageSequence.Iterator(image)] if frames > 1 else [_clean(image)]
    if frames > 1:
        encoding |= _motion(kind, made, image)
    made[0].save(shown, kind, **encoding)
    _thumbnail(made[0]).save(small, "WEBP", quality=80)
    return {"type": Image.MIME[kind], "width": made[0].width, "height": made[0].height}


def _require_size(size: tuple[int, int], pixels: int) -> None:
    if size[0] * size[1] > pixels:
        raise Refused("pixels")


def _canvas(upload: BinaryIO) -> tuple[int, int]:
    """The size that a WebP's header names, because its decoder would make room for it at once; else nothing."""
    head = upload.read(30)
    upload.seek(0)
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return 0, 0
    if head[12:16] == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    if head[12:16] == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return int.from_bytes(head[26:28], "little") & 0x3FFF, int.from_bytes(head[28:30], "little") & 0x3FFF


def _require_nothing_more(upload: BinaryIO, kind: str) -> None:
    """Raise ``Refused`` for what is a picture and something else as well."""
    upload.seek(0)
    before = b""
    while piece := upload.read(_PIECE):
        if _MARKUP.search(before + piece):
            raise Refused("more")
        before = piece[-_OVERLAP:]
    upload.seek(0)
    if b"%PDF-" in upload.read(_PDF_WITHIN) or zipfile.is_zipfile(upload):
        raise Refused("more")
    # Telephones write behind the end of their JPEGs: a second picture, or a film.
    if kind in _ENDS:
        upload.seek(_ENDS[kind](upload))
        while piece := upload.read(_PIECE):
            if piece.strip(b"\0\r\n \t"):
                raise Refused("more")
    upload.seek(0)


def _end_of_png(upload: BinaryIO) -> int:
    upload.seek(8)
    while True:
        length, name = int.from_bytes(_exactly(upload, 4), "big"), _exactly(upload, 4)
        upload.seek(length + 4, os.SEEK_CUR)
        if name == b"IEND":
            return upload.tell()


def _end_of_webp(upload: BinaryIO) -> int:
    upload.seek(4)
    length = int.from_bytes(_exactly(upload, 4), "little")
    return 8 + length + length % 2


def _end_of_gif(upload: BinaryIO) -> int:
    upload.seek(10)
    _skip_colours(upload, _exactly(upload, 3)[0])
    while (block := _exactly(upload, 1)) != b";":
        if block == b"!":
            _exactly(upload, 1)
        elif block == b",":
            _skip_colours(upload, _exactly(upload, 9)[8])
            _exactly(upload, 1)
        else:
            raise Refused("broken")
        while length := _exactly(upload, 1)[0]:
            _exactly(upload, length)
    return upload.tell()


def _skip_colours(upload: BinaryIO, flags: int) -> None:
    if flags & 0x80:
        _exactly(upload, 3 << (flags & 7) + 1)


def _exactly(upload: BinaryIO, count: int) -> bytes:
    found = upload.read(count)
    if len(found) < count:
        raise Refused("broken")
    return found


_ENDS = {"PNG": _end_of_png, "WEBP": _end_of_webp, "GIF": _end_of_gif}


def _encoding(image: Image.Image, kind: str, upload: BinaryIO) -> dict[str, Any]:
    """How to encode, so that little more is lost than the first time."""
    if kind == "JPEG" and image.mode in {"L", "RGB"}:
        picture = cast(JpegImagePlugin.JpegImageFile, image)
        sampling = JpegImagePlugin.get_sampling(picture) if image.mode == "RGB" else -1
        return {"qtables": picture.quantization, "subsampling": sampling}
    if kind == "WEBP":
        upload.seek(0)
        lossless = b"VP8L" in upload.read(4096)
        upload.seek(0)
        return {"lossless": lossless, "quality": 80 if lossless else 90}
    return {"quality": 90} if kind == "JPEG" else {}


def _clean(frame: Image.Image) -> Image.Image:
    """A copy that holds the picture alone: turned as it is meant to be seen, in the colours of the web."""
    profile = frame.info.get("icc_profile")
    upright = ImageOps.exif_transpose(frame)
    if upright.mode == "CMYK" or (profile and upright.mode in {"L", "RGB", "RGBA"}):
        upright = _in_web_colours(upright, profile)
    upright.info = {name: value for name, value in upright.info.items() if name in _SHOWN}
    return upright


def _in_web_colours(image: Image.Image, profile: bytes | None) -> Image.Image:
    mode = "RGB" if image.mode == "CMYK" else image.mode
    if profile:
        try:
            known = ImageCms.ImageCmsProfile(BytesIO(profile))
            if mode == "L" or "sRGB" in ImageCms.getProfileDescription(known):
                return image
            turned = ImageCms.profileToProfile(image, known, ImageCms.createProfile("sRGB"), outputMode=mode)
            return image if turned is None else turned
        except (ImageCms.PyCMSError, OSError, ValueError):
            # A profile that cannot be used is left off, as browsers do.
            pass
    return image.convert(mode)


def _motion(kind: str, frames: list[Image.Image], image: Image.Image) -> dict[str, Any]:
    """What plays the frames as they were played."""
    durations = [int(frame.info.get("duration", 0)) for frame in frames]
    told = {"save_all": True, "append_images": frames[1:], "duration": durations}
    loop = image.info.get("loop")
    if loop is not None:
        told["loop"] = loop
    if kind == "GIF":
        # Each frame is whole: where one is clear, nothing of the one before may shine through.
        clear = any("transparency" in frame.info or frame.mode in {"RGBA", "LA"} for frame in frames)
        told["disposal"] = 2 if clear else 1
    return told


def _thumbnail(picture: Image.Image) -> Image.Image:
    if picture.mode.startswith("I"):
        # 16 bits of grey, of which a WebP has 8.
        small = picture.convert("I").point(lambda value: value / 256).convert("L")
    else:
        clear = picture.mode in {"RGBA", "LA", "PA"} or "transparency" in picture.info
        small = picture.convert("RGBA" if clear else "RGB")
    small.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    small.info = {}
    return small


if __name__ == "__main__":
    main()
