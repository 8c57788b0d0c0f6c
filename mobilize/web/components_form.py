"""A field of each kind, for the page of the components."""

from flask_babel import lazy_gettext as _
from wtforms import (
    BooleanField,
    FileField,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
    validators,
)

from mobilize.web.page_form import PageForm


class ComponentsForm(PageForm):
    """What is required has its error where nothing was typed."""

    site = StringField(_("Site"), [validators.InputRequired()])
    heads = IntegerField(_("Head count"), [validators.InputRequired()])
    area = SelectField(_("Area"), choices=["North", "South"])
    language = RadioField(_("Language"), [validators.InputRequired()], choices=["English", "Español"])
    sure = BooleanField(_("Drill"))
    words = TextAreaField(_("Why"), [validators.InputRequired()])
    file = FileField(_("File"))
