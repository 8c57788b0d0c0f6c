"""Preparation of the demo's database: tables, an invented local, a picket today."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import flask_migrate
from sqlalchemy import select

import config
from mobilize import clock, create_app
from mobilize.database import db, migration_status
from mobilize.demo.links import program_token
from mobilize.demo.seed import local
from mobilize.printing.qr import qr_terminal
from mobilize.roster.models import Site


class CannotStart(Exception):
    """The obstacle and its remedy, for the terminal."""


@dataclass(frozen=True)
class DemoLinks:
    """The lines for the terminal: (who, one-time link) in order, the address where members check in, and the
    token of a program."""

    links: list[tuple[str, str]]
    check_in_url: str
    qr: str
    token: str | None


def prepare(environ: Mapping[str, str]) -> DemoLinks:
    """Bring the database of `environ` up to date; on the first run load the demo; open today's picket.

    Running it again changes nothing but the picket, should a new day have begun, and the links. Raises
    CannotStart where the tables are those of an earlier version that has no way to this one.
    """
    app = create_app(config.load(environ))
    logging.getLogger().setLevel(logging.WARNING)
    with app.app_context():
        _refuse_old_tables()
        flask_migrate.upgrade()
        now = clock.now()
        if db.session.scalar(select(Site.id).limit(1)) is None:
            print("Inventing a demo local (first run only) ...", flush=True)
            local.load_demo(now)
        picket = local.open_todays_picket(now)
        qr, token = qr_terminal(picket.check_in_url), program_token(now)
        welcome = DemoLinks(picket.links, picket.check_in_url, qr, token)
        db.session.remove()
        db.engine.dispose()
    return welcome


def _refuse_old_tables() -> None:
    if migration_status.unknown():
        raise CannotStart(
            "The demo in var/ was made by an earlier version and cannot be read. Delete it and start anew:"
            " rm -r var && make run"
        )
    db.session.remove()
