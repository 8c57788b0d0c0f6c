"""The forms of texts that somebody writes."""

from collections.abc import Mapping

from flask_babel import lazy_gettext as _
from wtforms import BooleanField, RadioField, SelectChoice, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from mobilize.languages import Translated, name_of, required_languages
from mobilize.reminders.models import Audience
from mobilize.web.page_form import PageForm
from mobilize.web.translated_field import TranslatedField

MISSING = "missing"
LONGEST_TYPED = 600  # four segments of plain letters


def _text_in(code: str) -> TextAreaField:
    called = {"language": name_of(code)}
    needed = [InputRequired(_("Write it in %(language)s.", **called))] if code in required_languages() else []
    return TextAreaField(_("In %(language)s", **called), validators=[*needed, Length(max=LONGEST_TYPED)])


class BroadcastForm(PageForm):
    """A text in every language, and to whom it goes. `do` is "fold" to have it written without accents."""

    text = TranslatedField(_text_in)
    audience = RadioField(
        _("To whom?"),
        choices=[
            SelectChoice(Audience.MEMBERS.value, _("The members of these chapters, also those who are in")),
            SelectChoice(MISSING, _("Only members who are still missing: not in yet, and have not said no")),
            SelectChoice(Audience.CHAIRS.value, _("Their chairs, co-chairs and vice chairs")),
        ],
        default=Audience.MEMBERS.value,
    )
    urgent = StringField(
        _("Urgent? Say why"),
        description=_(
            "Only in an emergency: it then leaves at any hour, and only to members who agreed to that."
        ),
        validators=[Length(max=200)],
    )
    do = StringField()

    @property
    def chosen_audience(self) -> tuple[Audience, bool]:
        """(to whom, whether only to those who are still missing)."""
        only_missing = self.audience.data == MISSING
        return Audience.MEMBERS if only_missing else Audience(self.audience.data), only_missing

    @property
    def written(self) -> Translated:
        """The typed words, on one line."""
        return self.text.data.map(lambda text: " ".join(text.split()))


class SendForm(PageForm):
    """`long_ok`: the text may take more than two segments."""

    long_ok = BooleanField(_("It may take more than two segments"))


class ChapterTextForm(PageForm):
    """A chair's text to their own chapter. `wording` offers the approved texts; another one is refused."""

    wording = RadioField(_("What do you want to say?"), validate_choice=False)
    where = StringField(
        _("Where you meet now"),
        description=_("Only for the first one. A gate or a corner, 40 letters at most."),
    )

    def offer(self, texts: Mapping[str, str]) -> None:
        """Show these, by their wordings; the first is chosen until somebody chooses."""
        self.wording.choices = [SelectChoice(wording, words) for wording, words in texts.items()]
        self.wording.data = self.wording.data or next(iter(texts))
