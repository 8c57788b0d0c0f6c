"""A statement and its challenge pack as files: on paper, as CSV, and as a workbook."""

from collections.abc import Sequence
from typing import Any

from mobilize import settings
from mobilize.actions.models import Action
from mobilize.checkins.models import Method
from mobilize.languages import _, language, say_date, say_time
from mobilize.printing.report_pages import Column, Table
from mobilize.tabular import Cell, Sheet
from mobilize.turnout.labels import count_text, figure_text, figure_word, method_word
from mobilize.turnout.models import Statement
from mobilize.turnout.statements.challenge_pack import SITE_HEADINGS, Pack, site_rows
from mobilize.turnout.statements.operations import changes
from mobilize.turnout.statements.press_figures import NOT_SAID, numbers_sheet
from mobilize.turnout.statements.press_pdf import disclosed_text, numbers_pdf

_GAPS = (
    "unmatched", "outside_hours", "unresolved", "taken_back", "open_sites", "corrected_sites",
    "left_out", "busy_devices", "two_places", "bursts",
)  # fmt: skip


def sites_sheet(pack: Pack) -> Sheet:
    """Site by site."""
    return Sheet("sites", SITE_HEADINGS, site_rows(pack))


def pack_sheets(statement: Statement, pack: Pack) -> list[Sheet]:
    """Numbers, sites, methods and gaps, a sheet each."""
    methods = [(name, _cell(count)) for name, count in pack["methods"].items()]
    gaps: list[Sequence[Cell]] = [(name, _cell(pack[name])) for name in _GAPS]
    gaps += [("silent_site", name) for name in pack["silent"]]
    gaps += [("more_names_than_people", name) for name in pack["more_names_than_people"] or ()]
    as_of: list[Sequence[Cell]] = [("as_of", statement.as_of_at), ("version", statement.version)]
    return [
        numbers_sheet(statement.numbers),
        sites_sheet(pack),
        Sheet("methods", ("method", "pieces_of_evidence"), methods),
        Sheet("gaps", ("gap", "count"), [*as_of, *gaps]),
    ]


def statement_pdf(action: Action, statement: Statement, before: Statement | None, pack: Pack) -> bytes:
    """One version, in the reader's language; its correction, the methods and the gaps behind it."""
    changed = changes(before, statement) if before else []
    tables = [_corrections(changed)] if before else []
    tables += [_methods(pack), _sites(pack)]
    why = [_("Why: %(why)s", why=statement.reason.in_(language()))] if statement.version > 1 else []
    words = [statement.words.in_(language())] if statement.words.in_(language()) else []
    return numbers_pdf(
        action,
        statement.numbers,
        statement.as_of_at,
        signed=signed_line(statement),
        tables=tables,
        remarks=[*words, *why, *gap_lines(pack)],
    )


def signed_line(statement: Statement) -> str:
    """The version, who signed it and when, and the moment of its counts."""
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
    """Missing and doubtful figures, a sentence each."""
    lines = [
        _("Sites without a head count: %(names)s.", names=", ".join(pack["silent"]) or _("none")),
        _("Numbers and names that matched nobody: %(n)s.", n=disclosed_text(pack["unmatched"])),
        _("Outside the hours, and not counted: %(n)s.", n=disclosed_text(pack["outside_hours"])),
        _("Kept for a person to look at, and not counted: %(n)s.", n=disclosed_text(pack["unresolved"])),
        _("Check-ins that a person left out: %(n)s.", n=disclosed_text(pack["left_out"])),
        _("Check-ins that were taken back: %(n)s.", n=disclosed_text(pack["taken_back"])),
        _("Sites whose event was not closed yet: %(n)s.", n=disclosed_text(pack["open_sites"])),
        _("Phones that checked in more than three members: %(n)s.", n=disclosed_text(pack["busy_devices"])),
        _("Members seen at two sites within ten minutes: %(n)s.", n=disclosed_text(pack["two_places"])),
        _(
            "Lines with twelve check-ins or more in one minute that nobody ticked: %(n)s.",
            n=disclosed_text(pack["bursts"]),
        ),
    ]
    flagged = pack["more_names_than_people"]
    if flagged is not None:
        names = ", ".join(flagged) or _("none")
        lines.append(_("Sites with more names than anybody counted: %(names)s.", names=names))
    return [str(line) for line in lines]


def _corrections(changed: Sequence[tuple[str, Any, Any]]) -> Table:
    rows = [(figure_word(name), figure_text(name, old), figure_text(name, new)) for name, old, new in changed]
    columns = [Column(_("What changed"), share=3), Column(_("Before"), "right"), Column(_("Now"), "right")]
    return Table(_("Correction"), columns, rows, empty=_("None of these figures changed."))


def _methods(pack: Pack) -> Table:
    rows = [(method_word(Method(name)), disclosed_text(count)) for name, count in pack["methods"].items()]
    columns = [Column(_("How they were counted"), share=3), Column(_("Check-ins"), "right")]
    note = _("A member who was counted in two ways is on two rows.")
    return Table(_("Method"), columns, rows, note=note, empty=_("Nobody was checked in by name."))


def _sites(pack: Pack) -> Table:
    words = (_("Eligible"), _("Came"), _("Verified"), _("Vouched for"), _("Self-reported"), _("Head count"))
    names = ("came", "verified", "vouched", "self_reported")
    rows = [
        (
            site["site"],
            count_text(site["eligible"]),
            *(disclosed_text(site[name]) for name in names),
            count_text(site["head_count"]),
        )
        for site in pack["sites"]
    ]
    columns = [Column(_("Site"), share=2.6), *(Column(word, "right") for word in words)]
    return Table(_("By site and strength"), columns, rows)


def _cell(count: int | None) -> Cell:
    return NOT_SAID if count is None else count
