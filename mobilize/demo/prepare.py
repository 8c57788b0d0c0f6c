"""What has to be in the database before the demo can start: tables, an invented local, a picket today."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import flask_migrate
from sqlalchemy import select

import config
from mobilize import clock, create_app
from mobilize.database import db
from mobilize.demo import local
from mobilize.qr import qr_terminal
from mobilize.roster.models import Site


@dataclass(frozen=True)
class Welcome:
    """What the terminal shows: (who, one-time link) in order, and where members check in."""

    links: list[tuple[str, str]]
    check_in_url: str
    qr: str


def prepare(environ: Mapping[str, str]) -> Welcome:
    """Bring the database of `environ` up to date; on the first run load the demo; open today's picket.

    Running it again changes nothing but the picket, should a new day have begun, and the links.
    """
    app = create_app(config.load(environ))
    logging.getLogger().setLevel(logging.WARNING)
    with app.app_context():
        flask_migrate.upgrade()
        now = clock.now()
        if db.session.scalar(select(Site.id).limit(1)) is None:
            print("Inventing a demo local (first run only) ...", flush=True)
            local.load_demo(now)
        picket = local.open_todays_picket(now)
        welcome = Welcome(picket.links, picket.check_in_url, qr_terminal(picket.check_in_url))
        db.session.remove()
        db.engine.dispose()
    return welcome
