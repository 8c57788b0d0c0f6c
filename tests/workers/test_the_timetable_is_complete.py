"""The timetable, the tasks and the web: who names whom, and who must not know whom."""

import json
import subprocess
import sys
from collections.abc import Mapping

import pytest

from mobilize import ROOMS
from workers.runtime.beat import lives_s
from workers.timetable import TIMETABLE


@pytest.fixture(scope="module")
def tasks(base_environ: dict[str, str]) -> dict[str, int]:
    """Every task of ours as a fresh worker knows it, and how many arguments it takes."""
    program = """
import inspect, json
from workers.app import app
app.loader.import_default_modules()
ours = {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
print(json.dumps({name: len(inspect.signature(task.run).parameters) for name, task in ours.items()}))
"""
    payload: dict[str, int] = json.loads(run(program, base_environ).splitlines()[-1])
    return payload


def test_each_entry_names_a_task_and_each_task_has_an_entry(tasks: dict[str, int]):
    assert {entry.task for entry in TIMETABLE} == set(tasks)
    assert len(TIMETABLE) == len(tasks)


def test_no_task_takes_an_argument(tasks: dict[str, int]):
    assert set(tasks.values()) == {0}


def test_a_task_is_named_after_its_room(tasks: dict[str, int]):
    rooms = {*ROOMS, "audit", "workers", "doctor"}
    assert {name.split(".")[0] for name in tasks} <= rooms


def test_a_message_lives_until_the_next_one():
    for entry in TIMETABLE:
        assert lives_s(entry) >= 5
        assert entry.at_least_every >= entry.seconds


def test_the_web_imports_neither_celery_nor_redis(base_environ: dict[str, str]):
    program = """
import sys
import wsgi
found = {name.split(".")[0] for name in sys.modules} & {"celery", "kombu", "redis", "workers"}
assert not found, found
"""
    run(program, base_environ)


def test_nobody_loads_at_the_start_what_few_ever_ask_for(base_environ: dict[str, str]):
    web = {"alembic", "openpyxl", "webauthn"}
    workers = web | {"PIL", "flask_wtf", "prompt_toolkit", "qrcode", "reportlab", "wtforms"}
    for module, dear in (("wsgi", web), ("workers.__main__", workers)):
        program = f"""
import sys
import {module}
if "workers.app" in sys.modules:
    sys.modules["workers.app"].app.loader.import_default_modules()
found = {{name.split(".")[0] for name in sys.modules}} & {dear}
assert not found, found
"""
        run(program, base_environ)


def run(program: str, environ: Mapping[str, str]) -> str:
    """The output of `program` in a Python of its own."""
    done = subprocess.run(
        [sys.executable, "-c", program], env=dict(environ), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_each_message_goes_to_the_queue_of_its_task_alone(base_environ: dict[str, str]):
    program = """
import json
from workers.app import app
from workers.timetable import TIMETABLE
reached = {}
for entry in TIMETABLE:
    queue = app.amqp.queues[entry.queue]
    reached[entry.task] = [
        other.name
        for other in app.amqp.queues.values()
        if (other.exchange.name, other.routing_key) == (queue.exchange.name, queue.routing_key)
    ]
    assert reached[entry.task] == [entry.queue] == [app.amqp.router.route({}, entry.task)["queue"].name]
print(len(reached))
"""
    assert int(run(program, base_environ)) == len(TIMETABLE)
