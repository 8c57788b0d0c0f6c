"""Forms of walls, hours, reports and statements."""

import hashlib
from collections.abc import Iterable, Sequence
from uuid import UUID, uuid4

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    HiddenField,
    IntegerField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
    TimeField,
    validators,
)

from mobilize.actions.forms import written
from mobilize.checkins.forms import duty_words
from mobilize.checkins.models import Duty
from mobilize.checkins.record.head_counts import MOST_AT_A_LINE
from mobilize.database import parse_id
from mobilize.languages import DEFAULT, name_of
from mobilize.roster.models import Area
from mobilize.roster.names import PersonName
from mobilize.turnout.models import CallResult, ReportKind
from mobilize.turnout.statements.operations import OfficerSignature
from mobilize.web.page_form import PageForm
from mobilize.web.translated_field import TranslatedField


class WallForm(PageForm):
    """A link to the big screen: what it is called, and which area it shows, "" for the whole union."""

    label = StringField(
        _("Which screen?"),
        description=_("So that you can tell the links apart: the hall, the office."),
        default="",
    )
    area = SelectField(_("What does it show?"), default="")

    def offer(self, areas: Sequence[Area], *, whole_union: bool) -> "WallForm":
        union = [SelectChoice("", _("The whole union"))] if whole_union else []
        self.area.choices = union + [SelectChoice(str(area.id), area.name) for area in areas]
        return self


class CountForm(PageForm):
    """The head count of a line, as somebody was told. `nonce` names this form: sent twice, it is one count.
    `sure`: they were asked about an unusual number, and it is right."""

    n = IntegerField(
        _("How many stand there now?"),
        validators=[
            validators.InputRequired(_("Write the number of people.")),
            validators.NumberRange(0, MOST_AT_A_LINE, _("Write a number of people, 0 or more.")),
        ],
    )
    nonce = HiddenField(default=lambda: uuid4().hex)
    sure = BooleanField()
    ask_whether_sure = False

    @property
    def nonce_bytes(self) -> bytes:
        """16 bytes of whatever was sent."""
        return hashlib.blake2b((self.nonce.data or "").encode(), digest_size=16).digest()


class CallForm(PageForm):
    """What to do about a silent site's call: "take" it, "give_back", or its result. `chair`: whose number."""

    do = StringField(validators=[validators.AnyOf(["take", "give_back", *CallResult])])
    chair = HiddenField(validators=[validators.Optional(), validators.UUID()])

    @property
    def called(self) -> UUID | None:
        return UUID(self.chair.data) if self.chair.data else None


class HoursForm(PageForm):
    """When a member came or left, and what they did. `page` names this form: sent twice, it counts once."""

    page = HiddenField(default=lambda: uuid4().hex)
    member = SelectField(
        _("Who?"),
        validators=[validators.InputRequired(_("Choose a member."))],
        invalid_choice_message=_("Choose a member."),
    )
    duty = SelectField(_("What did they do?"), default="")
    came = TimeField(
        _("Came at"),
        validators=[validators.Optional()],
        invalid_value_message=_("Write the time like 10:30."),
    )
    left = TimeField(
        _("Left at"),
        validators=[validators.Optional()],
        invalid_value_message=_("Write the time like 10:30."),
    )

    def offer(self, members: Iterable[tuple[UUID, PersonName]]) -> "HoursForm":
        people = sorted(members, key=lambda one: one[1].sorted_by)
        listed = [SelectChoice(str(member_id), name.full) for member_id, name in people]
        self.member.choices = [SelectChoice("", _("Choose")), *listed]
        duties = [SelectChoice(duty.value, words) for duty, words in duty_words().items()]
        self.duty.choices = [SelectChoice("", _("Nothing else")), *duties]
        return self

    @property
    def said_duty(self) -> Duty | None:
        return Duty(self.duty.data) if self.duty.data else None


class AllReportsForm(PageForm):
    """The reports of all chapters in scope; `area` narrows them."""

    area = StringField(default="")

    @property
    def area_id(self) -> UUID | None:
        return parse_id(self.area.data or "")


class ReportForm(PageForm):
    """Which report: its kind, and the id of its chapter, area or action."""

    kind = HiddenField(validators=[validators.AnyOf(list(ReportKind))])
    place = HiddenField(validators=[validators.InputRequired(), validators.UUID()])


def _words_in(code: str) -> TextAreaField:
    called = {"language": name_of(code)}
    if code == DEFAULT:
        return TextAreaField(_("Your words to the public, in %(language)s (or leave both empty)", **called))
    return TextAreaField(_("The same in %(language)s", **called))


def _why_in(code: str) -> TextAreaField:
    return TextAreaField(_("What changed and why, in %(language)s", language=name_of(code)))


class SigningForm(PageForm):
    """What an officer adds to the counts of the moment `as_of`; `public` opens the public link as well."""

    as_of = HiddenField(default="")
    why = TranslatedField(_why_in)
    words = TranslatedField(_words_in)
    signed_as = StringField(_("Sign with your name and office"))
    public = BooleanField(_("Also open a public link, for everybody"))

    @property
    def signing(self) -> OfficerSignature:
        return OfficerSignature(written(self.signed_as), self.words.data, self.why.data)


class StatementLinkForm(PageForm):
    """`end` closes the public link."""

    end = BooleanField()
