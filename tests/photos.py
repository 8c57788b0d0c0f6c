"""Photos as phones take them: a line, and beside it where, when and with what."""

import io
import random
from typing import Any

from PIL import Image

MAKER, COMMENT = "Kamerabauer 9000", "Taken by Mia Reyes"
# 34 degrees 3 minutes north, 118 degrees 14 minutes west.
NORTH, WEST = (34.0, 3.0, 8.25), (118.0, 14.0, 37.5)
GPS = 0x8825


def photo(width: int = 1600, height: int = 1200, *, kind: str = "JPEG", **save: Any) -> bytes:
    """Red above, blue below, and grain as a camera makes it."""
    picture = Image.new("RGB", (width, height), (200, 30, 30))
    picture.paste((30, 30, 200), (0, height // 2, width, height))
    grain = random.Random(7).randbytes(width // 8 * (height // 8))
    picture.paste((255, 255, 255), (0, 0), Image.frombytes("L", (width // 8, height // 8), grain))
    out = io.BytesIO()
    picture.save(out, kind, **save)
    return out.getvalue()


def photo_with_place(width: int = 1600, height: int = 1200, *, artist: str = "Mia") -> bytes:
    """A JPEG that says its place, its camera and its time, on its side as a phone held upright stores it."""
    return photo(width, height, quality=60, exif=exif(artist), comment=COMMENT)


def exif(artist: str) -> Image.Exif:
    tags = Image.Exif()
    tags[0x010F], tags[0x0110], tags[0x9003] = MAKER, "Model of Mia", "2026:03:03 07:12:00"
    tags[0x013B] = artist
    tags[0x0112] = 6  # to be turned by a quarter
    tags[GPS] = {1: "N", 2: NORTH, 3: "W", 4: WEST}
    return tags


def place_in(picture: bytes) -> dict[int, Any]:
    """What a picture says of where it was taken."""
    with Image.open(io.BytesIO(picture)) as opened:
        return dict(opened.getexif().get_ifd(GPS))


def all_that_is_said(picture: bytes) -> dict[str, Any]:
    """Everything beside the pixels, but for the plain head that each JPEG has."""
    with Image.open(io.BytesIO(picture)) as opened:
        plain = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "dpi"}
        return {key: value for key, value in opened.info.items() if key not in plain} | dict(opened.getexif())
