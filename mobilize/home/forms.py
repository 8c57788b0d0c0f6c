"""Forms of the pages of no room: the language, and a field of each kind for the page of the components."""

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    FileField,
    HiddenField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    validators,
)

from mobilize import languages
from mobilize.accounts.forms import local_path
from mobilize.web.page_form import PageForm


class LanguageForm(PageForm):
    """The language of pages, and the page to go back to."""

    language = SelectField(choices=lambda: list(languages.LANGUAGES))
    next = HiddenField(filters=[local_path])


class ComponentsForm(PageForm):
    """What is required has its error where nothing was typed."""

    site = StringField(_("Site"), [validators.InputRequired()])
    heads = IntegerField(_("Head count"), [validators.InputRequired()])
    area = SelectField(_("Area"), choices=["North", "South"])
    language = RadioField(_("Language"), [validators.InputRequired()], choices=["English", "Español"])
    sure = BooleanField(_("Drill"))
    words = TextAreaField(_("Why"), [validators.InputRequired()])
    file = FileField(_("File"))
