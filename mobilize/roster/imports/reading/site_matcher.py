"""Matching of a roster's cells to sites."""

import heapq
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID

from mobilize.roster.names import fold

# Of the runs of three letters of what is sought, a site's name has at least this share.
LEAST_ALIKE = 1 / 3


@dataclass(frozen=True, slots=True)
class KnownSite:
    """A site to match; `code` is 14 digits for a school of the California directory."""

    id: UUID
    code: str
    name: str
    area: str


class SiteDirectory:
    """All sites, looked up as the roster contract says: full code, the last seven digits, then name."""

    def __init__(self, sites: Iterable[KnownSite]):
        self.sites = list(sites)
        self._by_code = {site.code.replace("-", ""): site for site in self.sites}
        self._by_school_code = _only_ones(
            (s.code[7:], s) for s in self.sites if re.fullmatch("[0-9]{14}", s.code)
        )
        self._by_name = _only_ones((fold(site.name), site) for site in self.sites)
        self._chosen: dict[str, KnownSite] = {}
        self.left_out: set[str] = set()

    def choose(self, places: Mapping[str, str]) -> None:
        """Take what somebody said of places that are in no list: word -> code, or "" to leave it out."""
        codes = {site.code: site for site in self.sites}
        self._chosen = {fold(word): codes[code] for word, code in places.items() if code in codes}
        self.left_out = {fold(word) for word, code in places.items() if not code}

    def find(self, code: str, name: str) -> KnownSite | None:
        """The site with this code or name, or that was chosen for it; None when none fits, or two sites of
        one name."""
        bare = code.strip().replace("-", "")
        listed = self._by_code.get(bare) or self._by_school_code.get(bare) or self._by_name.get(fold(name))
        return listed or self._chosen.get(fold(name or code))

    def code_of(self, typed: str) -> str | None:
        """The code of the site with this name or code."""
        site = self.find(typed, typed)
        return site.code if site else None

    def nearest(self, name: str, most: int = 3) -> list[KnownSite]:
        """The sites whose names are most alike (by shared runs of three letters), for a person to choose;
        none that has little of it."""
        sought = _threes(name)
        likeness = [
            (len(sought & threes) / len(sought | threes), site)
            for site, threes in self._runs
            if len(sought & threes) >= LEAST_ALIKE * len(sought)
        ]
        return [site for _share, site in heapq.nlargest(most, likeness, key=lambda pair: pair[0])]

    def suggestions(self) -> list[tuple[str, str]]:
        """What can be typed for each site, and its name: the name itself, or the code where two have it."""
        alone = {site.id for site in self._by_name.values()}
        return [(site.name if site.id in alone else site.code, site.name) for site in self.sites]

    @cached_property
    def _runs(self) -> list[tuple[KnownSite, frozenset[str]]]:
        return [(site, _threes(site.name)) for site in self.sites]


def _threes(name: str) -> frozenset[str]:
    words = (f" {fold(word)} " for word in name.split())
    return frozenset(word[at : at + 3] for word in words for at in range(len(word) - 2)) or frozenset([""])


def _only_ones(named: Iterable[tuple[str, KnownSite]]) -> dict[str, KnownSite]:
    by_key = defaultdict(list)
    for key, site in named:
        by_key[key].append(site)
    return {key: sites[0] for key, sites in by_key.items() if len(sites) == 1 and key}
