"""The form of a page: what its fields held when it was sent."""

from typing import Any

from flask import request
from flask_wtf import FlaskForm


class PageForm(FlaskForm):
    """A form of a page, filled with what a POST brought; on a GET, with its defaults and what it is given.

    Flask-WTF would read JSON and uploaded files as well, whose values are no strings. The CSRF token of
    signed-in pages is checked in `mobilize.blueprints`; public forms keep no state and are checked by origin.
    """

    class Meta:
        csrf = False

    def __init__(self, **options: Any):
        options.setdefault("formdata", request.form if request.method == "POST" else None)
        super().__init__(**options)
