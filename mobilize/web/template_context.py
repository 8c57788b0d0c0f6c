"""Variables, filters and functions of every template; addresses of static files are in `assets`."""

from typing import Any

from flask import Flask, g, request
from flask_wtf.csrf import generate_csrf

from mobilize import languages, settings
from mobilize.keys.tokens import spaced_code
from mobilize.languages import say_date, say_time, say_when
from mobilize.operating import how_to
from mobilize.phones import format_phone


def init_app(app: Flask) -> None:
    """Variables, filters and functions for every template."""
    app.context_processor(_common)
    app.jinja_env.filters.update(
        say_time=say_time,
        say_date=say_date,
        language_name=languages.name_of,
        format_phone=format_phone,
        spaced_code=spaced_code,
    )
    app.jinja_env.globals.update(
        say_when=say_when, in_each=languages.in_each, own_address=_own_address, how_to=how_to
    )


def _common() -> dict[str, Any]:
    chosen = settings()
    return {
        "union_name": chosen.union_name,
        "union_colour": chosen.union_colour.removeprefix("#"),
        "help_number": chosen.help_number,
        "public_base_url": chosen.public_base_url,
        "share_tags": chosen.share_tags,
        "source_url": chosen.source_url,
        "demo": chosen.is_demo,
        "is_live": chosen.is_live,
        "can_text": bool(chosen.carriers_set_up),
        "trial": not chosen.is_live and bool(chosen.carriers_set_up),
        "language": languages.language(),
        "direction": languages.LANGUAGES[languages.language()].direction,
        "languages": languages.LANGUAGES,
        "csrf_token": generate_csrf,
    }


def _own_address() -> str:
    """The page's own address, for a way back to it; a mark in one that is cached for other addresses too."""
    marked: str | None = g.get("address")
    return marked or request.full_path.rstrip("?")
