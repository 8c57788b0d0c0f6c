"""The words for the workers' queues and tasks: each of the timetable, as the office calls it."""

from mobilize import settings
from mobilize.languages import _
from mobilize.reminders.monitoring.worker_tasks import TaskStatus
from mobilize.texts.carriers.base import CallbackRefusal
from mobilize.texts.models import TextClass


def task_words() -> dict[str, str]:
    """What each task does. A test compares it with the timetable."""
    return {
        "workers.beat_is_alive": _("The clock says that it ticks"),
        "workers.look_at_queues": _("Redis is asked what waits there"),
        "jobs.run": _("Long work that somebody started is done"),
        "jobs.forget_old": _("Files of long work are forgotten"),
        "doctor.examine": _("Everything that was set up is looked at"),
        "doctor.ping": _("Whoever keeps watch is told that all is well"),
        "accounts.send_codes": _("Codes for signing in are written"),
        "accounts.forget_requests": _("Old requests for codes are forgotten"),
        "accounts.forget_limits": _("Old limits against guessing are forgotten"),
        "accounts.look_at_keys": _("It is checked that no key is missing"),
        "accounts.look_at_redis": _("It is checked that Redis saves to disk"),
        "accounts.expire_approvals": _("Questions to a second person expire"),
        "privacy.send_codes": _("Codes for the member's page are written"),
        "privacy.note_opt_ins": _("Numbers that opted in to texts are written down"),
        "privacy.forget_due": _("What is over is forgotten"),
        "texts.drain": _("Texts are handed to the carrier"),
        "texts.drain_codes": _("Codes are handed to the carrier"),
        "texts.sweep": _("Texts that got lost on the way are looked for"),
        "texts.reconcile": _("Unknown texts are looked up at the carrier"),
        "privacy.replay_journal": _("What was taken away in lost minutes is taken away again"),
        "texts.recover": _("Lost minutes are looked up after a restore"),
        "texts.catch_up": _("The carrier is asked for texts we missed"),
        "texts.note_file_consents": _("Opt-outs of the roster are written down"),
        "texts.redact": _("The carrier is told to forget old words"),
        "reminders.read_answers": _("Texts that came in are read"),
        "reminders.ask_who_checked_in": _("Shared phones are asked who checked in"),
        "reminders.ask_for_counts": _("Chairs are asked for their head count"),
        "reminders.ask_about_lost_minutes": _("Chairs are asked about minutes that a restore has lost"),
        "reminders.queue_broadcasts": _("Texts to many are lined up"),
        "reminders.tell_of_calling_off": _("Members are told that an action is called off"),
        "reminders.alert_duty": _("Emergencies are passed on to whoever is on duty"),
        "reminders.alert_about_codes": _("The office is told when codes run short"),
        "reminders.alert_about_callbacks": _("The office is told when texts do not reach us"),
        "reminders.plan": _("Reminders are planned"),
        "reminders.follow_changes": _("Reminders follow what was changed"),
        "reminders.brief_chairs": _("Chairs are briefed before an action"),
        "reminders.watch_campaigns": _("Carriers that take our texts for spam are watched"),
        "actions.freeze_due_events": _("Who is eligible is fixed at the start"),
        "checkins.derive_deferred": _("Check-ins that were put off are counted"),
        "turnout.close_due_events": _("Figures are fixed after the end"),
        "turnout.make_due_reports": _("Reports are put together"),
        "turnout.plan_thanks": _("Thank-yous are planned"),
        "turnout.correct_closed_actions": _("What came late is added to closed actions"),
        "webhooks.collect": _("What happened is noted for other programs"),
        "webhooks.deliver": _("Other programs are told what happened"),
        "webhooks.forget_old": _("What other programs were told is forgotten"),
        "audit.seal": _("The audit is sealed"),
        "audit.verify": _("The audit is verified"),
    }


def queue_words() -> dict[str, str]:
    """The name of each queue."""
    return {
        "codes": _("Codes and emergencies"),
        "texts": _("Texts"),
        "planning": _("Planning"),
        "reports": _("Reports"),
        "jobs": _("Long work that somebody started"),
        "long": _("What can wait"),
    }


def due_words() -> dict[str, str]:
    """The name of each class of texts that waits; emergencies and codes stand apart."""
    return {
        "alarms": _("Emergencies, to whoever is on duty"),
        "codes": _("Codes"),
        TextClass.REQUESTED.value: _("Answers, and what somebody asked for"),
        TextClass.DUTY.value: _("To chairs, captains and organizers"),
        TextClass.NOTICE.value: _("Moved, called off, urgent"),
        TextClass.MEMBER.value: _("Reminders and other texts to members"),
    }


def how_often(task: TaskStatus) -> str:
    """When it runs: every hour; or when there is something to do, which is looked for in the database, and
    every 10 minutes at least."""
    if task.at_least_every_s > task.every_s:
        return _("when there is something to do, and %(every)s", every=_every(task.at_least_every_s))
    return _every(task.every_s)


def _every(seconds: float) -> str:
    if seconds < 60:
        return _("every %(n)s seconds", n=round(seconds))
    if seconds < 120:
        return _("every minute")
    if seconds < 3600:
        return _("every %(n)s minutes", n=round(seconds / 60))
    return _("every hour") if seconds < 7200 else _("every %(n)s hours", n=round(seconds / 3600))


def took(milliseconds: int | None) -> str | None:
    """How long a run took, in seconds; None for one that never ran."""
    if milliseconds is None:
        return None
    if milliseconds < 100:
        return _("under 0.1 seconds")
    digits = 1 if milliseconds < 10_000 else 0
    return _("%(seconds)s seconds", seconds=f"{milliseconds / 1000:.{digits}f}")


def refusal_words() -> dict[CallbackRefusal, str]:
    """What is wrong where callbacks of our own account are refused, and what to do."""
    return {
        CallbackRefusal.OTHER_ADDRESS: _(
            "It was signed for another address than %(url)s. Write the address that the carrier calls into "
            "PUBLIC_BASE_URL, or this one into the carrier's settings.",
            url=settings().public_base_url,
        ),
        CallbackRefusal.OTHER_SECRET: _(
            "It was signed with another secret than ours. "
            "Copy the carrier's token or key anew into the settings."
        ),
        CallbackRefusal.OTHER_TIME: _(
            "It was signed at another time than now. Set the clock of this machine (NTP)."
        ),
    }
