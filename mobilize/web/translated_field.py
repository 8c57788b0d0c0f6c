"""A form field for a text in every language of the service."""

from collections.abc import Callable
from typing import Any

from wtforms import Form, FormField
from wtforms.utils import unset_value

from mobilize.languages import DEFAULT, LANGUAGES, Translated


class TranslatedField(FormField):
    """A text in every language: the fields `<name>_<code>` in the order of `LANGUAGES`, each as `make` says.

    `data` is a `Translated`, stripped and without NUL characters, which PostgreSQL cannot store; so is what
    the form is begun with. Iterating gives the fields.
    """

    def __init__(self, make: Callable[[str], Any], **options: Any):
        super().__init__(Form, separator="_", **options)
        self.make = make

    def process(self, formdata: Any, data: Any = unset_value, extra_filters: Any = None) -> None:
        # The list of languages is asked for each form, and the fields speak to each form's reader.
        fields = {code: self.make(code) for code in LANGUAGES}
        self.form_class = type("InEachLanguage", (Form,), {"Meta": type(self.meta), **fields})
        begun = dict(data) if isinstance(data, Translated) else data
        super().process(formdata, begun, extra_filters)
        for field in self:
            field.render_kw = {**(field.render_kw or {}), "lang": field.short_name}

    @property
    def data(self) -> Translated:
        typed = {field.short_name: field.data or "" for field in self}
        return Translated(typed).map(lambda text: text.replace("\0", "").strip())

    def write(self, text: Translated) -> None:
        """Show this text instead of what was typed."""
        for field in self:
            field.data = text.get(field.short_name, "")

    def refuse(self, message: str) -> None:
        """Show an error at the default language."""
        field = self.form[DEFAULT]
        field.errors = [*field.errors, message]
