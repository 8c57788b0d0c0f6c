"""The forms of texts that somebody writes."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    IntegerField,
    RadioField,
    SelectChoice,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.validators import InputRequired, Length
from wtforms.widgets import HiddenInput

from mobilize.actions.models import Action
from mobilize.database import parse_id
from mobilize.languages import LANGUAGES, Translated, name_of, required_languages
from mobilize.reminders.broadcasts.recipients_text import label_of
from mobilize.reminders.models import Audience, AudienceFilter
from mobilize.web.page_form import PageForm
from mobilize.web.translated_field import TranslatedField

EVERYWHERE, SOMEWHERE, ANY_LANGUAGE = "all", "some", ""
NARROWED = [chosen for chosen in AudienceFilter if chosen is not AudienceFilter.ALL]
LONGEST_TYPED = 600  # four segments of plain letters


def _text_in(code: str) -> TextAreaField:
    called = {"language": name_of(code)}
    needed = [InputRequired(_("Write it in %(language)s.", **called))] if code in required_languages() else []
    return TextAreaField(_("In %(language)s", **called), validators=[*needed, Length(max=LONGEST_TYPED)])


class BroadcastForm(PageForm):
    """A text in every language, and to whom it goes. `do` is "fold" to have it written without accents,
    "count" to hear how many get it."""

    text = TranslatedField(_text_in)
    audience = RadioField(_("Who gets it?"), default=Audience.MEMBERS.value)
    where = RadioField(
        _("Where?"),
        choices=[
            SelectChoice(EVERYWHERE, _("All chapters of this action")),
            SelectChoice(SOMEWHERE, _("Only some areas or schools")),
        ],
        default=EVERYWHERE,
    )
    places = SelectMultipleField(_("Which areas or schools?"), validate_choice=False, default=())
    language = RadioField(_("In which language do they get their texts?"), default=ANY_LANGUAGE)
    urgent = StringField(
        _("Urgent? Say why"),
        description=_(
            "Only in an emergency: it then leaves at any hour, and only to members who agreed to that."
        ),
        validators=[Length(max=200)],
    )
    do = StringField()

    def __init__(self, last_action: Action | None = None, **options: Any):
        """`last_action` is the campaign's, where there is one whose members may be chosen."""
        super().__init__(**options)
        self.audience.choices = [
            SelectChoice(chosen.value, label_of(chosen, last_action))
            for chosen in (Audience.MEMBERS, *NARROWED, Audience.CHAIRS)
            if last_action or chosen is not AudienceFilter.CAME_LAST
        ]
        languages = [
            SelectChoice(code, _("Only in %(language)s", language=name_of(code))) for code in LANGUAGES
        ]
        self.language.choices = [SelectChoice(ANY_LANGUAGE, _("In any language")), *languages]

    def validate_places(self, field: Any) -> None:
        if self.where.data == SOMEWHERE and not field.data:
            raise ValidationError(_("Choose at least one area or school."))

    @property
    def says_to_whom(self) -> bool:
        """Whether all of the form but the words is filled in well; else its fields say what is wrong."""
        rest = [field.validate(self) for field in (self.audience, self.where, self.language, self.urgent)]
        return self.places.validate(self, [type(self).validate_places]) and all(rest)

    @property
    def choice(self) -> dict[str, Any]:
        """What was chosen, as `operations.write_broadcast` takes it."""
        to_whom = self.audience.data
        # An id that is none was never in the list; one that is in no list is refused.
        ids = [parse_id(one) or UUID(int=0) for one in self.places.data or ()]
        return {
            "audience": Audience.CHAIRS if to_whom == Audience.CHAIRS else Audience.MEMBERS,
            "audience_filter": AudienceFilter(to_whom) if to_whom in NARROWED else AudienceFilter.ALL,
            "places": ids if self.where.data == SOMEWHERE else None,
            "language": None if self.language.data == ANY_LANGUAGE else self.language.data,
            "urgent_reason": self.urgent.data or "",
        }

    @property
    def written(self) -> Translated:
        """The typed words, on one line."""
        return self.text.data.map(lambda text: " ".join(text.split()))


class SendForm(PageForm):
    """`long_ok`: the text may take more than two segments. `agreed_segments`: the size that was looked at."""

    long_ok = BooleanField(_("It may take more than two segments"))
    agreed_segments = IntegerField(widget=HiddenInput())


class ChapterTextForm(PageForm):
    """A chair's text to their own chapter. `wording` offers the approved texts; another one is refused.
    `where` is asked for a new place, and `whom` for what calls for people; the others go to all."""

    wording = RadioField(_("What do you want to say?"), validate_choice=False)
    where = StringField(
        _("Where you meet now"),
        description=_("A gate or a corner, 40 letters at most."),
    )

    whom = RadioField(
        _("Who gets it?"),
        default=AudienceFilter.MISSING.value,
    )

    def __init__(self, **options: Any):
        super().__init__(**options)
        self.whom.choices = [
            SelectChoice(chosen.value, label_of(chosen))
            for chosen in AudienceFilter
            if chosen.ends_with_check_in
        ]

    def offer(self, texts: Mapping[str, str]) -> None:
        """Show these, by their wordings; the first is chosen until somebody chooses."""
        self.wording.choices = [SelectChoice(wording, words) for wording, words in texts.items()]
        self.wording.data = self.wording.data or next(iter(texts), None)
