"""The form of a pause."""

from wtforms import StringField

from mobilize.web.page_form import PageForm


class PauseForm(PageForm):
    why = StringField(default="")
