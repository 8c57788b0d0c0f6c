"""The digits of `HERE 48219`: given to one open event at a time."""

from sqlalchemy import func, select

from mobilize.database import db, is_postgres
from mobilize.tokens import make_text_code

# Any number, as long as nothing else locks under it.
_LOCK = 0x6576656E74


def one_at_a_time() -> None:
    """Whoever makes or moves events waits here for the one before: text codes and places are given once.

    SQLite lets only one write anyway; PostgreSQL holds this lock until the end of the transaction.
    """
    if is_postgres():
        db.session.execute(select(func.pg_advisory_xact_lock(_LOCK)))


def free_text_code(used: set[str]) -> str:
    """Digits that no open event has; they are added to `used`.

    Five digits hold 9,000 codes; past a third of them guessing an open event gets easy, so six are used.
    """
    length = 5 if len(used) < 3000 else 6
    code = make_text_code(length)
    while code in used:
        code = make_text_code(length)
    used.add(code)
    return code
