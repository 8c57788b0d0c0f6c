"""The press figures ("By the numbers") as PDF, in the language that is set."""

import io
from collections.abc import Sequence
from datetime import datetime

from mobilize import settings
from mobilize.actions.models import Action
from mobilize.languages import _, language, say_date, say_time, say_when
from mobilize.printing.report_pages import Column, Figure, ReportPages, Table, report_pdf
from mobilize.turnout.labels import count_text, percent_text
from mobilize.turnout.statements.press_figures import Numbers


def numbers_pdf(
    action: Action, numbers: Numbers, now: datetime, *, signed: str = "", tables: Sequence[Table] = (),
    remarks: Sequence[str] = (),
) -> bytes:  # fmt: skip
    """One page to hand out. `signed` says who signed it and when; else it says when it was printed."""
    zone = settings().union_timezone
    printed = _("Made %(day)s at %(time)s.", day=say_date(now, zone), time=say_time(now, zone))
    drill = _("DRILL – a rehearsal, in no total.") + " " if action.drill else ""
    pages = ReportPages(
        union_name=settings().union_name,
        title=_("By the numbers"),
        subtitle=f"{action.name.in_(language())}, {say_when(action.starts_at, action.ends_at, zone)}",
        **_headline(numbers),
        made_line=drill + (signed or printed),
        figures=_figures(numbers),
        tables=[*([_areas(numbers)] if len(numbers["areas"]) > 1 else []), *tables],
        remarks=[who_counts(), small_counts(), *([] if numbers["final"] else [not_final()]), *remarks],
        colour=settings().union_colour,
        pages=_("Page {page} of {pages}"),
        language=language(),
    )
    out = io.BytesIO()
    report_pdf(pages, out)
    return out.getvalue()


def disclosed_text(count: int | None) -> str:
    """A count by name, or that it is not disclosed."""
    return str(_("not shown")) if count is None else count_text(count)


def share_text(percents: float | None) -> str:
    """A share that stands in numbers as percent."""
    return percent_text(None if percents is None else percents / 100)


def who_counts() -> str:
    """The definition of the share, and what is never added up."""
    return _(
        "Who counts: active members as of the start of their chapter's event. Names, head count and"
        " supporters are three counts, and are not added up."
    )


def small_counts() -> str:
    """The reason something is not said."""
    return _("Counts of fewer than five members, and those that would give one away, are not shown.")


def not_final() -> str:
    """The reason no total of names stands here yet."""
    return _(
        "We say once how many checked in by name, when no phone can send anything more. Until then nobody "
        "should be able to tell from a figure whether somebody came."
    )


def _headline(numbers: Numbers) -> dict[str, str]:
    """The page's one big number: of names once that is final, else of heads."""
    if numbers["final"]:
        label = _("Members who came, checked in by name")
        return {"big_number": disclosed_text(numbers["came"]), "big_label": label, "big_note": _of(numbers)}
    sites = {"some": count_text(numbers["reporting"]), "all": count_text(numbers["sites"])}
    note = "" if numbers["one_line"] else str(_("%(some)s of %(all)s sites have reported", **sites))
    count = count_text(numbers["head_count"])
    return {"big_number": count, "big_label": _("Head count on the lines"), "big_note": note}


def _of(numbers: Numbers) -> str:
    if numbers["came"] is None:
        return _("of %(eligible)s eligible members", eligible=count_text(numbers["eligible"]))
    return _(
        "%(share)s of %(eligible)s eligible members",
        share=share_text(numbers["share_percent"]),
        eligible=count_text(numbers["eligible"]),
    )


def _figures(numbers: Numbers) -> list[Figure]:
    sites = _("%(some)s of %(all)s", some=count_text(numbers["reporting"]), all=count_text(numbers["sites"]))
    supporters = Figure(count_text(numbers["supporters"]), _("Parents and community"))
    if not numbers["final"]:
        observed = disclosed_text(numbers["observed"])
        return [Figure(observed, _("Names ticked or scanned by chairs and captains")), supporters]
    figures = [Figure(count_text(numbers["head_count"]), _("Head count on the lines")), supporters]
    return figures if numbers["one_line"] else [*figures, Figure(sites, _("Sites reporting"))]


def _areas(numbers: Numbers) -> Table:
    if not numbers["final"]:
        return _areas_so_far(numbers)
    columns = [Column(_("Area"), share=3)]
    columns += [Column(word, "right") for word in (_("Came"), _("Eligible"), _("Share"))]
    rows = [
        (a["area"], disclosed_text(a["came"]), count_text(a["eligible"]), share_text(a["share_percent"]))
        for a in numbers["areas"]
    ]
    return Table(_("Areas"), columns, rows)


def _areas_so_far(numbers: Numbers) -> Table:
    columns = [Column(_("Area"), share=3)]
    columns += [
        Column(word, "right") for word in (_("Head count"), _("Names ticked or scanned"), _("Eligible"))
    ]
    at_the_rally = _("at the rally") if numbers["one_line"] else ""
    rows = [
        (
            a["area"],
            at_the_rally or count_text(a["head_count"]),
            disclosed_text(a["observed"]),
            count_text(a["eligible"]),
        )
        for a in numbers["areas"]
    ]
    return Table(_("Areas"), columns, rows)
