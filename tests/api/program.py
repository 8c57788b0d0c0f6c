"""A program of the union: sends its token and JSON, and nothing that a browser would."""

import secrets
import uuid
from datetime import timedelta
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from mobilize import clock
from mobilize.accounts.models import Person, RoleName
from mobilize.accounts.tokens.models import ApiScope, ApiToken, write_scopes
from mobilize.api.vocabulary import CODES
from mobilize.database import atomic, new_id
from mobilize.keys.tokens import hash_token
from mobilize.roster.models import Area
from tests.builders import make_person
from tests.services.client import BareClient

ALL = frozenset(ApiScope)


def make_secret(
    person: Person | None = None,
    scopes: frozenset[ApiScope] = ALL,
    *,
    area: Area | None = None,
    days: int = 1,
    id: uuid.UUID | None = None,
) -> str:
    """The secret of a token that is stored, however it came about: of an admin's unless said."""
    now, secret = clock.now(), f"mobilize_{secrets.token_urlsafe(32)}"
    maker = person or make_person("Ada Stone", role=RoleName.ADMIN)
    token = ApiToken(
        id=id or new_id(),
        person_id=maker.id,
        area_id=area.id if area else None,
        token_hash=hash_token(secret),
        prefix=secret[:15],
        label="Dashboard",
        scopes=write_scopes(scopes),
        made_at=now,
        expires_at=now + timedelta(days=days),
    )
    with atomic() as session:
        session.add(token)
    return secret


def with_listed_code(answer: TestResponse) -> TestResponse:
    """The same answer, whose code, if it is a problem, stands in the document."""
    if answer.mimetype == "application/problem+json":
        assert answer.json and answer.json["code"] in CODES, answer.json
    return answer


class Program:
    """Asks and reports with a token."""

    def __init__(self, app: Flask, secret: str | None):
        self._client, self._secret = BareClient(app, use_cookies=False), secret

    def get(self, path: str, headers: dict[str, str] | None = None, **more: Any) -> TestResponse:
        return with_listed_code(self._client.get(f"/api/v1{path}", headers=self._headers(headers), **more))

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        key: str | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> TestResponse:
        named = {"Idempotency-Key": key or secrets.token_hex(16)} | (headers or {})
        sent = more if body is None else {"json": body, **more}
        return with_listed_code(self._client.post(f"/api/v1{path}", headers=self._headers(named), **sent))

    def all(self, path: str, limit: int = 2) -> list[dict[str, Any]]:
        """Every item of a list, page by page."""
        items: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.get(f"{path}{'&' if '?' in path else '?'}limit={limit}{cursor}").json
            assert page is not None and len(page["data"]) <= limit
            items += page["data"]
            if page["next"] is None:
                return items
            cursor = f"&cursor={page['next']}"

    def _headers(self, more: dict[str, str] | None) -> dict[str, str]:
        signed = {"Authorization": f"Bearer {self._secret}"} if self._secret else {}
        return signed | (more or {})
