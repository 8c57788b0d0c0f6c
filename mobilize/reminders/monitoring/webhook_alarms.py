"""The alarm to whoever is on call: texts of members do not reach us as the carrier sends them."""

from datetime import datetime

from mobilize.reminders.monitoring.code_alarms import alarm_text
from mobilize.reminders.monitoring.on_call import people_on_call
from mobilize.texts.operations import queue_texts
from mobilize.texts.receiving.webhooks import webhook_statuses


def alert_about_webhooks(now: datetime) -> int:
    """Text whoever is on duty, else the office, once in six hours for each carrier whose webhooks are refused
    or do not come; returns how many texts are new. Safe to run twice."""
    broken = [one.carrier for one in webhook_statuses(now) if one.needs_somebody]
    if not broken:
        return 0
    people = people_on_call(None, now)
    texts = [
        alarm_text("webhooks_refused", carrier, person, "/texts/health/workers", now)
        for carrier in broken
        for person in people
    ]
    return queue_texts(texts, now=now)
