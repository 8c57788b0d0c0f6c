"""Tasks of the room privacy. Safe to run twice, late, and by two beats."""

from celery import shared_task

from mobilize import clock
from mobilize.privacy import replay
from mobilize.privacy.member_page import sessions
from mobilize.privacy.retention import forgetting
from mobilize.privacy.texting import opt_ins
from workers.texts import send_codes_now


@shared_task(name="privacy.send_codes")
def send_codes() -> None:
    if sessions.send_codes(now=clock.now()):
        send_codes_now()


@shared_task(name="privacy.replay_journal")
def replay_journal() -> None:
    replay.replay(now=clock.now())


@shared_task(name="privacy.note_opt_ins")
def note_opt_ins() -> None:
    opt_ins.note_opt_ins(now=clock.now())


@shared_task(name="privacy.forget_due")
def forget_due() -> None:
    forgetting.forget_due(clock.now())
