"""Summary of a dry run: counts, and lines of the file to look at; no name, number or phone."""

from collections import Counter
from typing import Any

from mobilize.roster.imports.reading.roster_reader import RosterReading, account, warned
from mobilize.roster.imports.reading.roster_rows import Reason, reason_text
from mobilize.roster.imports.reading.site_matcher import SiteDirectory
from mobilize.roster.imports.reading.sites_reader import (
    SiteReason,
    SitesReading,
    site_account,
    site_reason_text,
)
from mobilize.roster.imports.roster_changes import StagedChanges
from mobilize.roster.names import fold

REMOVED_SHARE = 0.05
CHANGED_SHARE = 0.20
SMALL_ROSTER = 25
_MOST_LINES = 500
_MOST_WARNED = 50
_MOST_WORDS = 30


def roster_summary(reading: RosterReading, changes: StagedChanges, book: SiteDirectory) -> dict[str, Any]:
    """`account` for machines, `changes`, `rejected_lines` [record, line, reason], what is unresolved, ..."""
    present = sum(s.values["gone_on"] is None and not s.keeps_out for s in changes.stored.values())
    return {
        "account": account(reading),
        "changes": dict(changes.counts),
        "standing": present,
        "rejected_lines": [[n, line, why.value] for n, line, why in reading.rejected[:_MOST_LINES]],
        "unresolved": _unresolved(reading, book),
        "unused": reading.unused,
    }


def warned_lines(reading: RosterReading) -> dict[str, list[int]]:
    """The lines of the file to look at, by kind of doubt; 50 of each at most."""
    return {kind: [row.line for row in rows[:_MOST_WARNED]] for kind, rows in warned(reading).items()}


def sites_summary(reading: SitesReading, plan: dict[str, Any]) -> dict[str, Any]:
    """`account`, `changes` and `rejected_lines` of a list of sites."""
    new = sum(row["before"] is None for row in plan["sites"])
    changes = {"added": new, "changed": len(plan["sites"]) - new, "same": plan["same"]}
    return {
        "account": site_account(reading),
        "changes": changes | {"new_areas": len(plan["areas"]), "missing": plan["missing"]},
        "rejected_lines": [[n, line, why.value] for n, line, why in reading.rejected[:_MOST_LINES]],
    }


def needs_second_person(summary: dict[str, Any]) -> bool:
    """Whether so much goes or changes that a second person has to agree; from 25 members up."""
    present, changes = summary.get("standing", 0), summary.get("changes", {})
    if present < SMALL_ROSTER:
        return False
    return bool(
        changes.get("gone", 0) > REMOVED_SHARE * present
        or changes.get("changed", 0) > CHANGED_SHARE * present
    )


def rejected_in_words(kind: str, summary: dict[str, Any]) -> list[tuple[int, str]]:
    """(line in the file, why it was refused) for people, in their language."""
    say: Any = (
        (lambda why: reason_text(Reason(why)))
        if kind == "roster"
        else (lambda why: site_reason_text(SiteReason(why)))
    )
    return [(line, say(why)) for _record, line, why in summary["rejected_lines"]]


def _unresolved(reading: RosterReading, book: SiteDirectory) -> list[list[Any]]:
    """[what the file says, how many members, names of the three nearest sites, their codes], most members
    first; without what somebody said to leave out."""
    words = Counter(row.gave_site for row in reading.members.values() if row.gave_site and not row.sites)
    unsettled = [(word, n) for word, n in words.most_common() if fold(word) not in book.left_out]
    near = [(word, n, book.nearest(word)) for word, n in unsettled[:_MOST_WORDS]]
    return [
        [word, n, [site.name for site in sites], [site.code for site in sites]] for word, n, sites in near
    ]
