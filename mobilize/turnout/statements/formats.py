"""The stored format of statements: what is kept of the press figures and of the challenge pack.

A published statement never changes. A figure that is added later goes to a further format, and is None where
an earlier statement is read; what pages and files show of it (`press_figures`, `challenge_pack`) may change.
"""

from collections.abc import Iterable, Mapping
from typing import Any

FORMAT = 1
AREA_V1 = (
    "area", "sites", "reporting", "eligible", "head_count", "supporters", "observed",
    "came", "share_percent", "named", "verified", "vouched", "self_reported",
)  # fmt: skip
NUMBERS_V1 = (*AREA_V1, "final", "with_chapter_eligible", "one_line", "areas")
NAMES_V1 = ("eligible", "came", "also_there", "verified", "vouched", "self_reported")
SITE_V1 = ("area", "site", "state", *NAMES_V1, "head_count", "supporters", "unmatched")
PACK_V1 = (
    "sites", "no_site", "others", "split", "with_chapter_eligible", "shared_lines", "methods", "unmatched",
    "outside_hours", "unresolved", "left_out", "taken_back", "silent", "open_sites", "corrected_sites",
    "more_names_than_people", "busy_devices", "two_places", "bursts",
)  # fmt: skip

Figures = Mapping[str, Any]


def statement_as_stored(numbers: Figures, pack: Figures) -> dict[str, Any]:
    """The content of `statements.figures`."""
    areas = [_only(AREA_V1, area) for area in numbers["areas"]]
    names = {key: pack[key] and _only(NAMES_V1, pack[key]) for key in ("no_site", "others", "split")}
    sites = [_only(SITE_V1, site) for site in pack["sites"]]
    return {
        "format": FORMAT,
        "numbers": _only(NUMBERS_V1, numbers) | {"areas": areas},
        "pack": _only(PACK_V1, pack) | names | {"sites": sites},
    }


def read_numbers(stored: Figures) -> dict[str, Any]:
    """The press figures of a statement in any format."""
    numbers = _filled(NUMBERS_V1, stored["numbers"])
    return numbers | {"areas": [_filled(AREA_V1, area) for area in numbers["areas"] or ()]}


def read_pack(stored: Figures) -> dict[str, Any]:
    """The challenge pack of a statement in any format."""
    pack = _filled(PACK_V1, stored["pack"])
    names = {key: pack[key] and _filled(NAMES_V1, pack[key]) for key in ("no_site", "others", "split")}
    return pack | names | {"sites": [_filled(SITE_V1, site) for site in pack["sites"] or ()]}


def _only(names: Iterable[str], figures: Figures) -> dict[str, Any]:
    return {name: figures[name] for name in names}


def _filled(names: Iterable[str], figures: Figures) -> dict[str, Any]:
    return dict.fromkeys(names) | dict(figures)
