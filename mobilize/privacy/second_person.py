"""Phones leave only when a second person agrees. The one place that asks her."""

from datetime import datetime

from mobilize.privacy.models import Export

KIND = "export_phones"


def ask_second_person(export: Export, *, now: datetime) -> None:
    """Ask for a second person's yes to this export."""


def has_second_yes(export: Export) -> bool:
    """Has somebody else agreed? Nobody can yet: phones stay here until the office can ask a second person."""
    return False
