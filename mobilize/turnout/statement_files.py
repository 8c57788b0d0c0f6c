"""A statement and its challenge pack as files: on paper, as CSV, and as a workbook."""

from collections.abc import Sequence
from typing import Any

from mobilize import settings
from mobilize.actions.models import Action
from mobilize.checkins.models import Method
from mobilize.languages import _, language, say_date, say_time
from mobilize.report_pages import Column, Table
from mobilize.turnout.challenge import SITE_HEADINGS, Pack, site_rows
from mobilize.turnout.numbers import HEADINGS, NOT_SAID, as_workbook, rows_of
from mobilize.turnout.numbers_paper import numbers_pdf
from mobilize.turnout.report_models import Statement
from mobilize.turnout.spreadsheet import to_csv
from mobilize.turnout.statements import changes
from mobilize.turnout.wording import count_text, figure_text, figure_word, method_word

_GAPS = (
    "unmatched", "outside_hours", "unresolved", "taken_back", "open_sites", "corrected_sites",
    "left_out", "busy_devices", "two_places", "bursts",
)  # fmt: skip


def pack_csv(pack: Pack) -> str:
    """Site by site."""
    return to_csv(SITE_HEADINGS, site_rows(pack))


def pack_workbook(statement: Statement, pack: Pack) -> bytes:
    """Numbers, sites, methods and gaps, a sheet each."""
    methods = [(name, _cell(count)) for name, count in pack["methods"].items()]
    gaps = [(name, _cell(pack[name])) for name in _GAPS]
    gaps += [("silent_site", name) for name in pack["silent"]]
    gaps += [("more_names_than_people", name) for name in pack["more_names_than_people"] or ()]
    as_of = [("as_of", statement.as_of_at.isoformat()), ("version", statement.version)]
    return as_workbook(
        [
            ("numbers", HEADINGS, rows_of(statement.figures["numbers"])),
            ("sites", SITE_HEADINGS, site_rows(pack)),
            ("methods", ("method", "pieces_of_evidence"), methods),
            ("gaps", ("gap", "count"), [*as_of, *gaps]),
        ]
    )


def statement_pdf(action: Action, statement: Statement, before: Statement | None, pack: Pack) -> bytes:
    """One version, in the reader's language; its correction, the methods and the gaps behind it."""
    changed = changes(before, statement) if before else []
    tables = [_corrections(changed)] if before else []
    tables += [_methods(pack), _sites(pack)]
    why = [_("Why: %(why)s", why=statement.why_in(language()))] if statement.version > 1 else []
    words = [statement.words_in(language())] if statement.words_in(language()) else []
    return numbers_pdf(
        action,
        statement.figures["numbers"],
        statement.as_of_at,
        made=signed_line(statement),
        tables=tables,
        remarks=[*words, *why, *gap_lines(pack)],
    )


def signed_line(statement: Statement) -> str:
    """Who signed which version, when, and as of when its counts are."""
    zone = settings().union_timezone
    at = statement.published_at or statement.as_of_at
    return str(
        _(
            "Version %(version)s, signed by %(name)s, %(day)s at %(time)s. Counts as of %(as_of)s.",
            version=statement.version,
            name=statement.signed_as,
            day=say_date(at, zone),
            time=say_time(at, zone),
            as_of=say_time(statement.as_of_at, zone),
        )
    )


def gap_lines(pack: Pack) -> list[str]:
    """What is missing or doubtful, a sentence each."""
    said = [
        _("Sites without a head count: %(names)s.", names=", ".join(pack["silent"]) or _("none")),
        _("Numbers and names that matched nobody: %(n)s.", n=_count(pack["unmatched"])),
        _("Outside the hours, and not counted: %(n)s.", n=_count(pack["outside_hours"])),
        _("Kept for a person to look at, and not counted: %(n)s.", n=_count(pack["unresolved"])),
        _("Check-ins that counted for nobody: %(n)s.", n=_count(pack["left_out"])),
        _("Check-ins that were taken back: %(n)s.", n=_count(pack["taken_back"])),
        _("Sites whose event was not closed yet: %(n)s.", n=_count(pack["open_sites"])),
        _("Phones that checked in more than three members: %(n)s.", n=_count(pack["busy_devices"])),
        _("Members seen at two sites within ten minutes: %(n)s.", n=_count(pack["two_places"])),
        _("Lines with twelve self-reports or more in one minute: %(n)s.", n=_count(pack["bursts"])),
    ]
    flagged = pack["more_names_than_people"]
    if flagged is not None:
        names = ", ".join(flagged) or _("none")
        said.append(_("Sites with more names than anybody counted: %(names)s.", names=names))
    return [str(line) for line in said]


def _corrections(changed: Sequence[tuple[str, Any, Any]]) -> Table:
    rows = [(figure_word(name), figure_text(name, old), figure_text(name, new)) for name, old, new in changed]
    columns = [Column(_("What changed"), share=3), Column(_("Before"), "right"), Column(_("Now"), "right")]
    return Table(_("Correction"), columns, rows, empty=_("None of these figures changed."))


def _methods(pack: Pack) -> Table:
    rows = [(method_word(Method(name)), _count(count)) for name, count in pack["methods"].items()]
    columns = [Column(_("How they were counted"), share=3), Column(_("Check-ins"), "right")]
    note = _("A member who was counted in two ways stands in two rows.")
    return Table(_("Method"), columns, rows, note=note, empty=_("Nobody was checked in by name."))


def _sites(pack: Pack) -> Table:
    words = (_("Eligible"), _("Came"), _("Verified"), _("Vouched for"), _("Self-reported"), _("Head count"))
    names = ("came", "verified", "vouched", "self_reported")
    rows = [
        (
            site["site"],
            count_text(site["eligible"]),
            *(_count(site[name]) for name in names),
            count_text(site["head_count"]),
        )
        for site in pack["sites"]
    ]
    columns = [Column(_("Site"), share=2.6), *(Column(word, "right") for word in words)]
    return Table(_("By site and strength"), columns, rows)


def _count(count: int | None) -> str:
    return str(_("not said")) if count is None else count_text(count)


def _cell(count: int | None) -> object:
    return NOT_SAID if count is None else count
