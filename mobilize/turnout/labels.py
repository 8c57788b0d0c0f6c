"""Labels of figures: the same words on the page, on paper and in the terminal."""

from functools import lru_cache

from flask_babel import format_decimal, get_locale

from mobilize.checkins.models import Method, Tier
from mobilize.languages import _, say_date, say_time
from mobilize.turnout.board.sites import BoardState
from mobilize.turnout.figures.types import COUNTS, Chapter, Count, NameCounts, is_few

_HEADLINE = ("eligible", "came", "share_percent")


def count_text(n: int | None) -> str:
    """1,234; "no report" where there is none."""
    return _("no report") if n is None else str(format_decimal(n))


def percent_text(share: float | None) -> str:
    """A share of 0..1 with one decimal; a dash where nobody is eligible."""
    return "–" if share is None else _percent(round(share * 100, 1), str(get_locale()))


def share_text(names: NameCounts) -> str:
    """The share of these members; a word where they are so few that it would say more than they can."""
    return str(_("small")) if is_few(names.eligible) else percent_text(names.share)


def big_share_text(names: NameCounts) -> str:
    """The same where it stands alone: of a few members, how many of how many."""
    return came_text(names) if is_few(names.eligible) else percent_text(names.share)


def came_text(names: NameCounts) -> str:
    """So many of so many."""
    return str(
        _("%(came)s of %(eligible)s", came=count_text(names.came), eligible=count_text(names.eligible))
    )


def report_columns() -> list[Count]:
    """The counts by name that have a column in tables of areas and sites."""
    return [count for count in COUNTS if count.column]


def further_counts() -> list[Count]:
    """Those of them that a report's headline does not hold."""
    return [count for count in report_columns() if count.name not in _HEADLINE]


def count_label(count: Count) -> str:
    """The name of a count, in the language that is set."""
    return str(_(count.label))


def named_text(names: NameCounts, count: Count) -> str:
    """A count by name; a dash where it was not counted when the figures were fixed."""
    if count.name == "share_percent":
        return share_text(names)
    value = getattr(names, count.name)
    return "–" if value is None else count_text(value)


def hours_text(minutes: int) -> str:
    """Minutes as hours and minutes: 7:05, or 23,500:08."""
    return f"{count_text(minutes // 60)}:{minutes % 60:02d}"


def points_text(change: float | None) -> str:
    """A change of share: +3.4."""
    return "" if change is None else f"{round(change * 100, 1):+.1f}"


def state_word(state: BoardState) -> str:
    """As the badges say it."""
    return {
        BoardState.NONE: _("No report"),
        BoardState.ZERO: _("Reported zero"),
        BoardState.UNCOUNTED: _("Names, no head count"),
        BoardState.BELOW: _("Below target"),
        BoardState.ON: _("On target"),
        BoardState.ABOVE: _("Above target"),
        BoardState.WAITING: _("Not started"),
    }[state]


def tier_word(tier: Tier) -> str:
    """The strength of evidence, in words."""
    words = {
        Tier.VERIFIED: _("Verified"),
        Tier.VOUCHED: _("Vouched for"),
        Tier.SELF: _("Self-reported"),
    }
    return words[tier]


def method_word(method: Method) -> str:
    """The way somebody was counted, in words."""
    words = {
        Method.POSTER: _("by the poster's code"),
        Method.LINK: _("by a personal link"),
        Method.TEXT: _("by text"),
        Method.TICK: _("ticked on the line"),
        Method.PAPER: _("keyed in from the sign-in sheet"),
        Method.ROTATING: _("by the changing code"),
        Method.SCAN: _("by a member's own code, scanned on the line"),
        Method.WALKIN: _("written down on the line by number or name"),
    }
    return words[method]


def figure_word(name: str) -> str:
    """A figure of a statement, as its correction names it."""
    words = {
        "came": _("Members who came, checked in by name"),
        "observed": _("Names ticked or scanned by chairs and captains"),
        "eligible": _("Eligible members"),
        "share_percent": _("Share"),
        "head_count": _("Head count on the lines"),
        "supporters": _("Parents and community"),
        "reporting": _("Sites reporting"),
        "sites": _("Sites"),
    }
    return words[name]


def figure_text(name: str, value: float | None) -> str:
    """Its value: a count by name of None is not said, one of heads was not reported."""
    if name == "share_percent":
        return percent_text(None if value is None else value / 100)
    if value is None and name in ("came", "observed"):
        return str(_("not shown"))
    return count_text(None if value is None else int(value))


def when_fixed(chapter: Chapter) -> str:
    """The time since which these figures stand, and their version; or that they still move."""
    if chapter.fixed_at is None:
        return _("Not closed yet: these figures still change.")
    return _(
        "Fixed %(day)s at %(time)s, version %(version)s.",
        day=say_date(chapter.fixed_at, chapter.tz),
        time=say_time(chapter.fixed_at, chapter.tz),
        version=chapter.version,
    )


def which_report(version: int | None) -> str:
    """The version of a report that these figures are; nothing where no report says so."""
    return "" if version is None else str(_("Report version %(version)s.", version=version))


@lru_cache(maxsize=4096)
def _percent(percent: float, _locale: str) -> str:
    # Babel takes 40 us for one number, and a board shows 800 that come again and again.
    return f"{format_decimal(percent, format='#,##0.0')}%"
