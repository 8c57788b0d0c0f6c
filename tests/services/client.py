"""Test clients whose requests do not share the test's application context, as real ones do not."""

import contextvars
import re
import secrets
from typing import Any

from flask import has_app_context
from flask.testing import FlaskClient
from itsdangerous import URLSafeTimedSerializer
from werkzeug.test import TestResponse

from mobilize.database import db


class BareClient(FlaskClient):
    """Sends what it is told and nothing more, to the public address of the settings."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if args and isinstance(args[0], str):
            kwargs.setdefault("base_url", self.public_url)
        # Without this, `g` and the session of one request would be seen by the next, and by the test.
        response = contextvars.Context().run(super().open, *args, **kwargs)
        # A followed redirect is asked from within, where the test's own session is out of sight.
        if has_app_context() and not db.session.info.get("writing"):
            db.session.rollback()  # what the test reads next is what the request has left behind
        return response

    @property
    def public_url(self) -> str:
        return str(self.application.config["MOBILIZE"].public_base_url)


class Client(BareClient):
    """Has a browser's manners: says where a form came from, and carries its token."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        if kwargs.get("method") in {"POST", "PUT", "PATCH", "DELETE"}:
            headers = dict(kwargs.get("headers") or {})
            headers.setdefault("Origin", self.public_url)
            headers.setdefault("X-CSRFToken", self._form_token())
            kwargs["headers"] = headers
        return super().open(*args, **kwargs)

    def _form_token(self) -> str:
        with self.session_transaction(base_url=self.public_url) as form:
            token = form.setdefault("csrf_token", secrets.token_hex(20))
        return str(URLSafeTimedSerializer(self.application.secret_key, salt="wtf-csrf-token").dumps(token))


def without_token(page: str) -> str:
    """A page without the token of its forms, which is signed with the second."""
    return re.sub(r'name="csrf_token"\s+value="[^"]*"', "", page)
