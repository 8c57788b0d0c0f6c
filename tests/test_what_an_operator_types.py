"""Whoever runs the service is told the commands that exist where it runs, and no others."""

import ast
import os
import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

import config
from config import RunBy
from mobilize import create_app
from mobilize.backup import archive
from mobilize.commands import COMMANDS, Command, Commands
from mobilize.database import db
from mobilize.observability.findings import finding
from mobilize.operating import command, how_to
from tests.services.databases import opened

ROOT = Path(__file__).parents[1]
BARE = re.compile(r"\bflask (--app|[a-z])|\bmake (serve|work|install|setup|uninstall|run|test)\b")
# `make run` and what it shows exist in a clone alone.
ELSEWHERE = ("mobilize/operating.py", "mobilize/demo/")


@pytest.mark.parametrize(
    ("run_by", "typed"),
    [
        (
            RunBy.MACHINE,
            ("sudo mobilize doctor", "sudo systemctl restart mobilize-worker", "sudo mobilize migrate"),
        ),
        (
            RunBy.CONTAINERS,
            (
                "docker compose exec web flask doctor",
                "docker compose restart worker",
                "docker compose run --rm web flask migrate",
            ),
        ),
        (
            RunBy.HAND,
            (".venv/bin/flask --app wsgi doctor", "make work", ".venv/bin/flask --app wsgi migrate"),
        ),
    ],
)
def test_the_operator_is_told_what_exists_where_the_service_runs(
    own_app: Flask, run_by: RunBy, typed: tuple[str, str, str]
) -> None:
    own_app.config["MOBILIZE"] = replace(own_app.config["MOBILIZE"], run_by=run_by)
    with own_app.test_request_context():
        assert (command("doctor"), how_to()["start_workers"], how_to()["migrate"]) == typed
        assert typed[1] in finding("workers.silent").remedy
        behind = finding("database.behind", now="1", expected="2").remedy
        assert typed[2] in behind


@pytest.mark.parametrize(
    "typed",
    ["migrate", "db upgrade", "db current", "setup-link", "audit verify", "texts status", "backup",
     "backup go-on --without log --yes", "people first-admin --name Ada --phone 2135550100"],
)  # fmt: skip
def test_a_database_that_is_away_is_one_sentence(base_environ: dict[str, str], typed: str) -> None:
    app = create_app(
        config.load(
            base_environ
            | {"DATABASE_URL": "postgresql://mobilize:secret@127.0.0.1:1/mobilize"}
            | {"BACKUP_RECIPIENTS": archive.new_identity()[1]}
        )
    )
    with opened(app):
        done = app.test_cli_runner().invoke(args=typed.split())
        assert done.exit_code == 1 and not done.stdout
        assert done.stderr.startswith("The database does not answer") and command("doctor") in done.stderr
        assert done.stderr.count("\n") == 1 and "secret" not in done.stderr


@pytest.fixture(params=["sqlite", "postgres"])
def no_tables(
    request: pytest.FixtureRequest, base_environ: dict[str, str], tmp_path: Path
) -> Iterator[Flask]:
    """An application whose database was made, and never migrated."""
    url, server = f"sqlite:///{tmp_path}/bare.db", None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        url = server.create(f"bare-{os.getpid()}")
    with opened(create_app(config.load(base_environ | {"DATABASE_URL": url}))) as app:
        yield app
    if server:
        server.drop(f"bare-{os.getpid()}")


@pytest.mark.parametrize(
    "typed",
    ["texts status", "setup-link", "audit verify", "keys status", "drill",
     "backup restored 2027-02-10T07:02+00:00", "people first-admin --name Ada --phone 2135550100"],
)  # fmt: skip
def test_a_database_without_tables_is_one_sentence(no_tables: Flask, typed: str) -> None:
    done = no_tables.test_cli_runner().invoke(args=typed.split())
    assert done.exit_code == 1 and not done.stdout
    assert (
        done.stderr.startswith("The database does not have the tables") and command("migrate") in done.stderr
    )
    assert done.stderr.count("\n") == 1


def test_the_doctor_names_the_same_remedy(no_tables: Flask) -> None:
    done = no_tables.test_cli_runner().invoke(args=["doctor"])
    assert done.exit_code == 2 and command("migrate") in done.stdout and "Traceback" not in done.output


def test_a_statement_that_is_wrong_is_no_missing_table(own_app: Flask) -> None:
    @own_app.cli.command("wrong", cls=Command)
    def wrong() -> None:
        db.session.execute(text("SELECT nothing FROM nowhere"))

    done = own_app.test_cli_runner().invoke(args=["wrong"])
    assert isinstance(done.exception, DBAPIError)


def test_what_is_wrong_with_any_command_is_said_in_one_place(own_app: Flask) -> None:
    for name, place in COMMANDS.items():
        module, attribute = place.split(":")
        assert isinstance(getattr(import_module(module), attribute), Command | Commands), name


def test_no_message_and_no_page_names_a_command_by_itself() -> None:
    bare = [f"{where}: {words}" for where, words in (*_in_code(), *_in_templates()) if BARE.search(words)]
    assert not bare, "these go through mobilize.operating: " + "; ".join(bare)


def _in_code() -> Iterator[tuple[str, str]]:
    """Every text of the code that is no docstring."""
    for path in sorted([*ROOT.glob("mobilize/**/*.py"), *ROOT.glob("workers/**/*.py"), ROOT / "config.py"]):
        where = str(path.relative_to(ROOT))
        if where.startswith(ELSEWHERE):
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                yield f"{where}:{node.lineno}", node.value


def _in_templates() -> Iterator[tuple[str, str]]:
    for path in sorted((ROOT / "templates").glob("**/*.*")):
        if "demo" not in path.parts:
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                yield f"{path.relative_to(ROOT)}:{number}", line
