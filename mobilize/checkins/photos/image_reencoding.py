"""The re-encoding of pictures from phones as JPEG: metadata and place are dropped, and memory is bounded."""

import struct
import threading
from io import BytesIO

from PIL import Image, ImageOps

from mobilize.errors import Refused
from mobilize.languages import _

# Bytes: of what comes, and of what is stored.
LARGEST_UPLOAD, LARGEST_PICTURE = 300_000, 200_000
# Pixels. A phone sends 1,280 on the longer side; what is far larger is not decoded.
MOST_PIXELS = 4_000_000
_FORMATS = ("JPEG", "PNG", "WEBP")
_SIDES, _QUALITIES = (1280, 960, 640), (80, 60, 40)
# What Pillow raises for bytes that are no picture, or a broken one.
_BROKEN = (
    OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, struct.error, MemoryError
)  # fmt: skip
# A picture of the largest kind takes about 40 MB while it is made anew.
_AT_ONCE = threading.BoundedSemaphore(2)


def clean_jpeg(upload: bytes) -> bytes:
    """The picture as a JPEG of at most `LARGEST_PICTURE` bytes, 1,280 pixels on its longer side: its pixels,
    upright, and nothing of what a camera writes beside them (place, time, device, thumbnail, comments).

    Refused: "no_picture" for anything but a JPEG, PNG or WebP, "too_large", and "busy" while this process
    makes two others: nobody who checks in waits behind a photo.
    """
    if len(upload) > LARGEST_UPLOAD:
        raise too_large()
    if not _AT_ONCE.acquire(blocking=False):
        raise Refused("busy", _("Many photos are coming in. This one is sent again in a moment."), status=503)
    try:
        return _encoded(_pixels(upload))
    finally:
        _AT_ONCE.release()


def too_large() -> Refused:
    """The refusal of a picture with too many bytes or pixels."""
    return Refused("too_large", _("This photo is too large. Add it again from the line page."), status=413)


def _pixels(upload: bytes) -> Image.Image:
    """A new picture with the same pixels: what else came with them is on no way to the encoder."""
    try:
        with Image.open(BytesIO(upload), formats=_FORMATS) as sent:
            if sent.width * sent.height > MOST_PIXELS:  # known from its head, before anything is decoded
                raise too_large()
            upright = ImageOps.exif_transpose(sent)
            pixels = upright.convert("RGBA" if upright.has_transparency_data else "RGB")
    except Image.DecompressionBombError:
        raise too_large() from None
    except _BROKEN:
        message = _("We cannot read this photo. Send a JPEG, PNG or WebP picture.")
        raise Refused("no_picture", message, status=415) from None
    fresh = Image.new("RGB", pixels.size, "white")
    fresh.paste(pixels, mask=pixels if pixels.mode == "RGBA" else None)
    return fresh


def _encoded(picture: Image.Image) -> bytes:
    for side in _SIDES:
        picture.thumbnail((side, side))
        for quality in _QUALITIES:
            out = BytesIO()
            picture.save(out, "JPEG", quality=quality, optimize=True)
            if out.tell() <= LARGEST_PICTURE:
                return out.getvalue()
    raise too_large()
