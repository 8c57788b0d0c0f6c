"""Forms of sites, members and imports."""

import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from wtforms import FileField, Form, FormField, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length

from mobilize.database import parse_id
from mobilize.errors import Refused
from mobilize.languages import _, name_of
from mobilize.roster.imports.reading.column_mapping import ROSTER
from mobilize.roster.imports.reading.synonyms import LANGUAGES
from mobilize.roster.models import Area, MembershipRank, MemberStatus
from mobilize.roster.operations import MemberDetails
from mobilize.web.page_form import PageForm

MOST_HEADINGS = 60
LEAVE_OUT = "leave"


def status_words() -> dict[MemberStatus, str]:
    """The label of each status."""
    return {
        MemberStatus.ACTIVE: _("Active"),
        MemberStatus.LEAVE: _("On leave"),
        MemberStatus.SUBSTITUTE: _("Substitute"),
        MemberStatus.RETIRED: _("Retired"),
    }


class MemberForm(PageForm):
    """One member. `number` is only asked for a new one."""

    number = StringField(validators=[Length(max=12)])
    first = StringField(validators=[Length(max=100)])
    last = StringField(validators=[InputRequired(), Length(max=100)])
    preferred = StringField(validators=[Length(max=100)])
    phone = StringField(validators=[Length(max=40)])
    language = SelectField(default="en")
    status = SelectField(default=MemberStatus.ACTIVE.value)

    def __init__(self, **values: object):
        super().__init__(**values)
        self.status.choices = [SelectChoice(status.value, word) for status, word in status_words().items()]
        self.language.choices = [
            SelectChoice(code, name_of(code, words[0]).capitalize()) for code, words in LANGUAGES.items()
        ]
        labels = {
            "number": _("Member number"),
            "first": _("First name"),
            "last": _("Last name"),
            "preferred": _("Likes to be called"),
            "phone": _("Mobile number"),
            "language": _("Language"),
            "status": _("Status"),
        }
        for name, label in labels.items():
            self[name].label.text = label

    def details(self) -> MemberDetails:
        """The typed values, for the operations."""
        return MemberDetails(
            last=self.last.data or "",
            first=self.first.data or "",
            preferred=self.preferred.data or "",
            phone=self.phone.data or "",
            language=self.language.data or "en",
            status=MemberStatus(self.status.data),
        )


class MemberSearchForm(PageForm):
    """A number, or a name within an area."""

    q = StringField(default="")
    area = SelectField(default="", validate_choice=False)  # a name is looked for where the scope allows

    def offer(self, areas: Sequence[Area]) -> "MemberSearchForm":
        choices = [SelectChoice(str(area.id), area.name) for area in areas]
        self.area.choices = [SelectChoice("", _("Choose an area")), *choices]
        return self

    @property
    def area_id(self) -> uuid.UUID | None:
        return parse_id(self.area.data)


class TransferForm(PageForm):
    """The code of the new site, none for no chapter; as home chapter, unless `rank` says second site."""

    site = StringField(default="")
    rank = SelectField(choices=list(MembershipRank))


class NumberForm(PageForm):
    """A member's number."""

    number = StringField(default="")


# In a FieldList the sender says which numbers there are, and "heading-²" is an exception.
_Numbered = type("_Numbered", (Form,), {str(n): StringField(default="") for n in range(MOST_HEADINGS)})


class PlacesForm(PageForm):
    """Sites for places that a file names and no list has: `site-3` is the code of the site for the third of
    them, `LEAVE_OUT`, or empty where nothing was said; `other-3` is any site's name or code, typed."""

    site = FormField(_Numbered)
    other = FormField(_Numbered)

    def chosen(self, summary: Mapping[str, Any], code_of: Callable[[str], str | None]) -> dict[str, str]:
        """Word of the file -> code, or "" to leave it out; of a code only one that the page has offered.
        `code_of` knows any site by what was typed.

        Raises `Refused`: no_such_site.
        """
        places = {}
        for n, (word, _n, _names, *codes) in enumerate(summary.get("unresolved", [])[:MOST_HEADINGS]):
            code, typed = self.site.data[str(n)], self.other.data[str(n)].strip()
            if typed:
                places[word] = code_of(typed) or _no_such_site(typed)
            elif code == LEAVE_OUT:
                places[word] = ""
            elif codes and code in codes[0]:
                places[word] = code
        return places


def _no_such_site(typed: str) -> NoReturn:
    raise Refused("no_such_site", _("We know no site “%(name)s”. Choose one from the list.", name=typed[:80]))


class UploadForm(PageForm):
    """A file to read. `district` only narrows a school directory. `heading-3` and `field-3` are a pair of the
    mapping screen."""

    file = FileField()
    district = StringField(default="", validators=[Length(max=80)])
    heading = FormField(_Numbered)
    field = FormField(_Numbered)

    def __init__(self, **values: object):
        super().__init__(**values)
        self.file.label.text = _("File (CSV or XLSX)")
        self.district.label.text = _("Only this district (for a school directory)")

    @property
    def columns(self) -> dict[str, str]:
        """The chosen field by heading; "" leaves a column out."""
        pairs = zip(self.heading.data.values(), self.field.data.values(), strict=True)
        return {heading: field for heading, field in pairs if heading and (field == "" or field in ROSTER)}
