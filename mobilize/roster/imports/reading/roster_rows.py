"""One record of a roster file: the row of a member, or the reason why it is refused."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mobilize import phones
from mobilize.languages import _
from mobilize.roster.imports.reading import synonyms
from mobilize.roster.imports.reading.site_matcher import KnownSite, SiteDirectory
from mobilize.roster.imports.reading.synonyms import by_spelling, clean, folded
from mobilize.roster.names import PersonName, fold

MAX_NAME = 200
_LANGUAGES = by_spelling(synonyms.LANGUAGES)
_STATUSES = by_spelling(synonyms.STATUSES)
_AREAS = by_spelling(synonyms.AREAS)
_ROLES = by_spelling(synonyms.ROLES)
_PHONE_KINDS = by_spelling(synonyms.PHONE_KINDS)
_NOT_MEMBERS = folded(synonyms.NOT_MEMBERS)
_YES = folded(synonyms.YES)
_EMAIL = re.compile(r"[^@\s,]+@[^@\s,]+\.[a-z]+", re.IGNORECASE)


class Reason(StrEnum):
    """The reason a record is refused, in the order in which the rules are tried."""

    MALFORMED_ROW = "malformed_row"
    NOT_A_MEMBER = "not_a_member"
    MISSING_EMPLOYEE_NO = "missing_employee_no"
    BAD_EMPLOYEE_NO = "bad_employee_no"
    MISSING_NAME = "missing_name"
    UNKNOWN_STATUS = "unknown_status"
    EMPLOYEE_NO_CONFLICT = "employee_no_conflict"


@dataclass(slots=True)
class MemberRow:
    """The values of one member in the file; further records of the same member are merged in.

    `number` has eight digits. `language`, `role`, `area` are None when the file does not say or we do not
    know the word. `phone_cell` is only kept to tell a blank from an unreadable number.
    """

    record: int
    line: int
    number: str
    last: str
    first: str
    status: str
    sites: list[KnownSite]
    gave_site: str
    preferred: str = ""
    phone: str | None = None
    phone_cell: str = ""
    phone_kind: str = ""
    extension: bool = False
    language: str | None = None
    area: str | None = None
    role: str | None = None
    opt_out: bool = False
    urgent_ok: bool = False
    email_ok: bool = False

    @property
    def identity(self) -> tuple[str, str]:
        """The name by which two records of one number are the same person."""
        return fold(self.last), fold(self.first)

    @property
    def name(self) -> PersonName:
        return PersonName(self.last, self.first, self.preferred)

    @property
    def textable(self) -> bool:
        """May be texted as far as the file knows: a mobile that did not opt out, of a member not retired."""
        return (
            self.phone is not None
            and phones.may_be_texted(self.phone)
            and self.phone_kind not in ("home", "work")
            and not (self.extension or self.opt_out)
            and self.status != "retired"
        )


def read_row(
    cells: list[str], places: Mapping[str, int], book: SiteDirectory, record: int, line: int
) -> MemberRow | Reason:
    """Apply the roster contract's rules to one record that has as many cells as the headings."""

    def cell(field: str) -> str:
        return cells[places[field]] if field in places else ""

    if fold(cell("status")) in _NOT_MEMBERS:
        return Reason.NOT_A_MEMBER
    number = _number(cell("number"))
    if not number:
        return Reason.MISSING_EMPLOYEE_NO
    if not re.fullmatch("[0-9]{1,8}", number):
        return Reason.BAD_EMPLOYEE_NO
    last, first = _names(cell("last"), cell("first"))
    if not last and not first:
        return Reason.MISSING_NAME
    if len(last) + len(first) > MAX_NAME:
        return Reason.MALFORMED_ROW
    status = _STATUSES.get(fold(cell("status")) or "active")
    if status is None:
        return Reason.UNKNOWN_STATUS
    row = MemberRow(
        record, line, number.zfill(8), last, first, status,
        sites=_sites(book, cell("site"), cell("site_name"), cell("second_site")),
        gave_site=clean(cell("site_name") or cell("site"))[:120],
        preferred=clean(cell("preferred"))[:MAX_NAME],
        phone_kind=_PHONE_KINDS.get(fold(cell("phone_kind")), ""),
        language=_LANGUAGES.get(fold(cell("language"))),
        area=_AREAS.get(fold(cell("area"))),
        role=_ROLES.get(fold(cell("role"))),
        opt_out=fold(cell("opt_out")) in _YES,
        urgent_ok=fold(cell("urgent")) in _YES,
        email_ok=_is_email(cell("email")),
    )  # fmt: skip
    take_phone(row, cell("phone"))
    return row


def take_phone(row: MemberRow, cell: str) -> None:
    """Read the phone cell into the row."""
    reading = phones.normalize(cell)
    row.phone, row.phone_cell, row.extension = reading.phone, cell.strip(), reading.extension


def reason_text(reason: Reason) -> str:
    """The text of a reason, for the person who corrects the file."""
    return {
        Reason.MALFORMED_ROW: _("does not have one cell per heading (or a name of over 200 characters)"),
        Reason.NOT_A_MEMBER: _("the status says this is not a member"),
        Reason.MISSING_EMPLOYEE_NO: _("has no member number"),
        Reason.BAD_EMPLOYEE_NO: _("the member number is not 1 to 8 digits"),
        Reason.MISSING_NAME: _("has no name"),
        Reason.UNKNOWN_STATUS: _("the status is a word we do not know"),
        Reason.EMPLOYEE_NO_CONFLICT: _("another person with this member number comes earlier in the file"),
    }[reason]


def _number(cell: str) -> str:
    bare = unicodedata.normalize("NFKC", cell).strip()
    return re.sub(r"\.0$", "", re.sub(r'^="(.*)"$', r"\1", bare))


def _names(last: str, first: str) -> tuple[str, str]:
    last, first = clean(last), clean(first)
    if not first and "," in last:
        last, first = (part.strip() for part in last.split(",", 1))
    return last, first


def _sites(book: SiteDirectory, code: str, name: str, second: str) -> list[KnownSite]:
    sites = [book.find(code, name), book.find(second, "") if second.strip() else None]
    return list(dict.fromkeys(site for site in sites if site is not None))


def _is_email(cell: str) -> bool:
    bare = re.sub("^mailto:", "", cell.strip().rstrip(";"), flags=re.IGNORECASE)
    return bool(_EMAIL.fullmatch(bare))
