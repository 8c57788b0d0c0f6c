"""The words for jobs, and the page that each leads to."""

from flask import url_for

from mobilize.jobs.models import Job, JobKind, JobState, JobStep
from mobilize.languages import Translated, _, language


def title(job: Job) -> str:
    """What it does: Read a roster: members.csv."""
    words = {
        JobKind.READ_ROSTER: _("Read a roster"),
        JobKind.READ_SITES: _("Read a list of sites"),
        JobKind.IMPORT: _("Import"),
        JobKind.UNDO_IMPORT: _("Undo an import"),
        JobKind.READ_CHAIRS: _("Read a list of chairs"),
        JobKind.CARRY_OUT_CHAIRS: _("Change the chairs"),
        JobKind.POSTERS: _("Make posters"),
        JobKind.REPORTS: _("Make reports to print"),
        JobKind.EXPORT: _("Make a file"),
    }[job.kind]
    about = Translated.stored(job.choices.get("names", {})).in_(language()) or job.about
    return f"{words}: {about}" if about else words


def state_word(job: Job) -> str:
    """Whether it waits, runs, or how it ended."""
    return {
        JobState.WAITING: _("waits"),
        JobState.RUNNING: _("running"),
        JobState.DONE: _("done"),
        JobState.REFUSED: _("not done"),
        JobState.FAILED: _("went wrong"),
    }[job.state]


def line(job: Job) -> str:
    """What it does, and whether it waits, runs, or how it ended."""
    return f"{title(job)}: {state_word(job)}"


def progress(job: Job) -> str:
    """What it is doing, as a sentence."""
    if job.started_at is None:
        return _("It starts in a moment.")
    words = {
        None: _("It has started."),
        JobStep.READING: _("Reading the file."),
        JobStep.COMPARING: _("Comparing it with the roster."),
        JobStep.WRITING: _("Saving it, all at once."),
        JobStep.DRAWING: _("Making the pages."),
        JobStep.LISTING: _("Listing everybody, site by site."),
    }[job.step]
    if job.total:
        return words + " " + _("%(done)s of %(total)s", done=f"{job.done:,}", total=f"{job.total:,}")
    return words


def address(job: Job) -> str | None:
    """The page on which what it did can be seen; None where that is a file, or nothing came of it."""
    imports = {JobKind.READ_ROSTER, JobKind.READ_SITES, JobKind.IMPORT, JobKind.UNDO_IMPORT}
    if job.state is not JobState.DONE or not job.result_id:
        return None
    if job.kind in imports:
        return url_for("roster.show_import", import_id=job.result_id)
    if job.kind is JobKind.EXPORT:
        return url_for("privacy.file", token=job.choices["token"])
    view = "show_chairs" if job.kind is JobKind.READ_CHAIRS else "carried_out_chairs"
    return url_for(f"accounts.{view}", change_id=job.result_id)


def way_back(job: Job) -> tuple[str, str]:
    """(words, address) of the page to begin again from, where nothing came of it."""
    if job.kind in (JobKind.IMPORT, JobKind.UNDO_IMPORT) and job.subject_id:
        return _("Back to the import"), url_for("roster.show_import", import_id=job.subject_id)
    if job.kind in (JobKind.READ_ROSTER, JobKind.READ_SITES):
        return _("Choose a file"), url_for("roster.imports")
    if job.kind in (JobKind.READ_CHAIRS, JobKind.CARRY_OUT_CHAIRS):
        return _("Choose a file"), url_for("accounts.chairs")
    if job.kind is JobKind.EXPORT:
        return _("To your exports"), url_for("privacy.exports", action_id=job.choices["action_id"])
    return _("Back to the action"), url_for("actions.action", action_id=job.choices["action_id"])
