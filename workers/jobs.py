"""Tasks of the room jobs: a function for each kind of long work, in its starter's scope.

Safe to run twice, late, and by two beats."""

from collections.abc import Callable
from functools import partial
from importlib import import_module
from uuid import UUID

from celery import shared_task

from mobilize import clock
from mobilize.accounts.access.scope import NOBODY, Scope, scope_of, today
from mobilize.accounts.access.sponsors import person_behind
from mobilize.accounts.models import Person
from mobilize.accounts.queries import looks_after_everything
from mobilize.database import db
from mobilize.errors import Refused
from mobilize.jobs import operations as jobs
from mobilize.jobs.models import JobKind
from mobilize.jobs.operations import JobRun
from mobilize.languages import _


@shared_task(name="jobs.run")
def run() -> None:
    jobs.run_next(RUNNERS, now=clock.now())


@shared_task(name="jobs.forget_old")
def forget_old() -> None:
    jobs.forget_old(clock.now())


def _job(
    module: str, function: str, allowed: Callable[[Scope], bool], *, with_scope: bool = True
) -> Callable[[JobRun], UUID | None]:
    """The function of a kind of job, loaded when the first one runs, and given what whoever started it sees
    now; refused where they may not any more."""

    def do(job: JobRun) -> UUID | None:
        scope = _scope(job.by)
        if not allowed(scope):
            raise Refused("not_yours", _("You may not do this any more."), status=403)
        arguments = (job, scope) if with_scope else (job,)
        result: UUID | None = getattr(import_module(module), function)(*arguments)
        return result

    return do


def _scope(by: str) -> Scope:
    person_id = person_behind(by)
    person = db.session.get(Person, person_id) if person_id else None
    return scope_of(person, today(clock.now())) if person else NOBODY


def _is_organizer(scope: Scope) -> bool:
    return scope.is_organizer


_importing = partial(_job, "mobilize.roster.imports.jobs", allowed=looks_after_everything, with_scope=False)
_changing_chairs = partial(
    _job, "mobilize.accounts.people.chairs_jobs", allowed=lambda scope: scope.everything, with_scope=False
)
RUNNERS: jobs.Runners = {
    JobKind.READ_ROSTER: _importing("read_roster"),
    JobKind.READ_SITES: _importing("read_sites"),
    JobKind.IMPORT: _importing("put_in_place"),
    JobKind.UNDO_IMPORT: _importing("undo"),
    JobKind.READ_CHAIRS: _changing_chairs("read"),
    JobKind.CARRY_OUT_CHAIRS: _changing_chairs("carry_out"),
    JobKind.POSTERS: _job("mobilize.actions.printing.jobs", "draw_posters", _is_organizer),
    JobKind.REPORTS: _job("mobilize.turnout.reports.jobs", "write_reports", _is_organizer),
    JobKind.EXPORT: _job("mobilize.privacy.exports.jobs", "write_export", _is_organizer),
}
