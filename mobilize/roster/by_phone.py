"""What a member decides from her phone. It holds for everybody who shares the number."""

from datetime import datetime
from typing import Any

from sqlalchemy import update

from mobilize.database import atomic
from mobilize.roster.models import Member


def choose_language(phone_bix: bytes, language: str) -> bool:
    """Texts come in this language until the roster's own value changes; False when nobody has this number."""
    return _write(phone_bix, {"language": language})


def agree_to_urgent(phone_bix: bytes, *, now: datetime) -> bool:
    """Urgent texts may come at any hour; False when nobody has this number. Twice keeps the later moment."""
    return _write(phone_bix, {"urgent_ok_at": now, "urgent_off_at": None})


def _write(phone_bix: bytes, values: dict[str, Any]) -> bool:
    with atomic() as session:
        hers = Member.phone_bix == phone_bix, Member.erased_at.is_(None)
        done = session.execute(
            update(Member).where(*hers).values(**values).execution_options(synchronize_session=False)
        )
        return bool(done.rowcount)  # type: ignore[attr-defined]
