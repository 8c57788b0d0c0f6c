"""A service that people work with already stays live when it learns of trials; a new one has its trial."""

import uuid
from pathlib import Path

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from sqlalchemy import text

import config
from mobilize import create_app, stored_settings
from mobilize.database import MIGRATIONS, atomic
from tests.services.databases import opened

PERSON = (
    "INSERT INTO people (id, name_enc, language, made_at) VALUES (:id, :name, 'en', '2026-01-01 00:00:00')"
)


def before() -> str:
    """The migration before the one that brings trials."""
    scripts = ScriptDirectory(MIGRATIONS).walk_revisions()
    return str(next(one.down_revision for one in scripts if one.doc.startswith("Setting up in the browser")))


@pytest.mark.parametrize("people", [0, 1])
def test_only_an_empty_service_begins_in_its_trial(
    people: int, base_environ: dict[str, str], tmp_path: Path
) -> None:
    app = create_app(config.load({**base_environ, "DATABASE_URL": f"sqlite:///{tmp_path}/old.db"}))
    with opened(app):
        flask_migrate.upgrade(revision=before())
        with atomic() as session:
            for _one in range(people):
                session.execute(text(PERSON), {"id": uuid.uuid4().hex, "name": b"sealed"})
        flask_migrate.upgrade()
        assert (config.LIVE_AT in stored_settings.read()) == bool(people)
        assert config.with_stored(app.config["MOBILIZE"], {config.LIVE_AT: "before"}).is_live


def test_a_service_in_production_begins_in_its_trial(base_environ: dict[str, str]) -> None:
    production = {
        "MOBILIZE_ENV": "production",
        "PUBLIC_BASE_URL": "https://mobilize.example.org",
        "TWILIO_API_URL": "https://api.twilio.com",
    }
    assert not config.load({**base_environ, **production}).is_live
    assert config.load({**base_environ, "MOBILIZE_ENV": "demo"}).is_live
