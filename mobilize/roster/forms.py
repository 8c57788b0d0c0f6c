"""What comes in through the roster's doors."""

from collections.abc import Mapping

from wtforms import FileField, Form, SelectChoice, SelectField, StringField
from wtforms.validators import InputRequired, Length

from mobilize.languages import _
from mobilize.roster.columns import ROSTER
from mobilize.roster.models import MemberStatus
from mobilize.roster.operations import Details
from mobilize.roster.vocabulary import LANGUAGES


def status_words() -> dict[MemberStatus, str]:
    """Each status as people say it."""
    return {
        MemberStatus.ACTIVE: _("Active"),
        MemberStatus.LEAVE: _("On leave"),
        MemberStatus.SUBSTITUTE: _("Substitute"),
        MemberStatus.RETIRED: _("Retired"),
    }


class MemberForm(Form):
    """One member. `number` is only asked for a new one."""

    number = StringField(validators=[Length(max=12)])
    first = StringField(validators=[Length(max=100)])
    last = StringField(validators=[InputRequired(), Length(max=100)])
    preferred = StringField(validators=[Length(max=100)])
    phone = StringField(validators=[Length(max=40)])
    language = SelectField(
        choices=[SelectChoice(code, words[0]) for code, words in LANGUAGES.items()], default="en"
    )
    status = SelectField(default=MemberStatus.ACTIVE.value)

    def __init__(self, *args: object, **values: object):
        super().__init__(*args, **values)
        self.status.choices = [SelectChoice(status.value, word) for status, word in status_words().items()]
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

    def details(self) -> Details:
        """The typed values as the operations take them."""
        return Details(
            last=self.last.data or "",
            first=self.first.data or "",
            preferred=self.preferred.data or "",
            phone=self.phone.data or "",
            language=self.language.data or "en",
            status=MemberStatus(self.status.data),
        )


class UploadForm(Form):
    """A file to read. `district` only narrows a school directory."""

    file = FileField()
    district = StringField(validators=[Length(max=80)])

    def __init__(self, *args: object, **values: object):
        super().__init__(*args, **values)
        self.file.label.text = _("File (CSV or XLSX)")
        self.district.label.text = _("Only this district (for a school directory)")


def chosen_columns(typed: Mapping[str, str]) -> dict[str, str]:
    """The mapping screen's answer: pairs `heading-3`, `field-3` -> heading: field; "" leaves a column out."""
    pairs = ((typed.get(f"heading-{n}"), typed.get(f"field-{n}", "")) for n in range(200))
    return {heading: field for heading, field in pairs if heading and (field == "" or field in ROSTER)}
