"""Pages of jobs: one, by itself while it runs; the list of one's own; the file that one made."""

import uuid

from flask import Response, abort, jsonify, redirect, render_template
from werkzeug.wrappers import Response as BaseResponse

from mobilize import clock
from mobilize.accounts.access.permissions import me, signed_in
from mobilize.jobs import files, labels, operations, queries
from mobilize.jobs.models import FilePurpose, Job, JobState
from mobilize.jobs.routes import bp
from mobilize.tabular import MIMETYPES

_MIMETYPES = {**MIMETYPES, "pdf": "application/pdf", "zip": "application/zip"}


@bp.get("/jobs")
@signed_in()
def jobs() -> str:
    """The requester's jobs of the last days."""
    own = queries.jobs_of(me().actor)
    return render_template("jobs/jobs.html", jobs=own, labels=labels)


@bp.get("/jobs/<uuid:job_id>")
@signed_in()
def job(job_id: uuid.UUID) -> str | BaseResponse:
    """One job: how far it is. One that is done leads on to what it did."""
    own = _own(job_id)
    if not own.is_open and own.seen_at is None:
        operations.note_seen(own.id, now=clock.now())
    if page := labels.address(own):
        return redirect(page)
    return render_template(
        "jobs/job.html",
        job=own,
        labels=labels,
        waiting=queries.waiting(own, clock.now()),
        has_file=own.state is JobState.DONE and files.has_file(own.id, FilePurpose.RESULT),
    )


@bp.get("/jobs/<uuid:job_id>/state")
@signed_in(poll=True)
def job_state(job_id: uuid.UUID) -> Response:
    """What changes about a job while a page is open, for its script (`JobState` in job_polling.js)."""
    own = _own(job_id)
    answer = jsonify(
        open=own.is_open,
        state=own.state,
        word=labels.state_word(own),
        line=labels.line(own),
        words=labels.progress(own),
        done=own.done,
        total=own.total,
    )
    answer.headers["Cache-Control"] = "no-store"
    return answer


@bp.get("/jobs/<uuid:job_id>/file")
@signed_in()
def job_file(job_id: uuid.UUID) -> Response:
    """The file that a job made, as often as it is asked for within a day."""
    own = _own(job_id)
    file = files.file_of(own.id, FilePurpose.RESULT) if own.state is JobState.DONE else None
    return attachment(file or abort(404))


def attachment(file: files.NamedFile) -> Response:
    """The response with a file; no cache may store it."""
    kind = _MIMETYPES.get(file.name.rpartition(".")[2], "application/octet-stream")
    named = {"Content-Disposition": f'attachment; filename="{file.name}"', "Cache-Control": "no-store"}
    return Response(file.content, mimetype=kind, headers=named)


def _own(job_id: uuid.UUID) -> Job:
    return queries.job_of(job_id, me().actor) or abort(404)
