"""Statements: counts frozen as of a moment, prepared, and signed by an officer.

First prepared, then signed: what is signed is what was seen. A published statement never changes; a
correction is the next version, says why, and leaves the earlier ones readable. While forms, texts and late
uploads can still add a name (`queries.names_final_at`), a version says head counts and observed names; the
named totals come out once, with the first version that is prepared afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select, update

from mobilize import audit
from mobilize.accounts.models import Person
from mobilize.actions.models import Action
from mobilize.backup import journal
from mobilize.database import atomic, db, insert, new_id
from mobilize.errors import Refused
from mobilize.keys.tokens import make_code
from mobilize.languages import Translated, _
from mobilize.turnout.figures.queries import board, names_final_at
from mobilize.turnout.models import Statement, StatementLink
from mobilize.turnout.statements.challenge_pack import challenge_pack
from mobilize.turnout.statements.formats import statement_as_stored
from mobilize.turnout.statements.press_figures import numbers_of

LONGEST = 600
LONGEST_NAME = 80
CODE_LENGTH = 12
# What a correction names when it has changed.
NAMED = (
    "head_count", "observed", "came", "eligible", "share_percent", "supporters", "reporting", "sites",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OfficerSignature:
    """The part an officer adds: the name they sign with, words to the public, and why a correction was
    needed."""

    signed_as: str
    words: Translated = Translated()
    reason: Translated = Translated()


def prepare(action: Action, person: Person, now: datetime) -> Statement:
    """Freeze the counts as they are now, as a draft nobody else sees; it takes the place of an earlier draft.

    Refused: "nothing" where the action has no chapters.
    """
    with atomic() as session:
        held = session.get_one(Action, action.id, with_for_update=True)
        counted = board(held)
        if not counted.chapters:
            raise Refused("nothing", _("This action has no chapters, and so no number."))
        final = now >= names_final_at(held)
        figures = statement_as_stored(numbers_of(counted, final=final), challenge_pack(held, counted))
        version = len(published(held.id)) + 1
        row: dict[str, Any] = {"figures": figures, "as_of_at": now, "person_id": person.id}
        empty = {"words": Translated(), "why": Translated()}
        upsert = insert(Statement.__table__).values(
            id=new_id(), action_id=held.id, version=version, **row, **empty
        )
        session.execute(
            upsert.on_conflict_do_update(index_elements=["action_id", "version"], set_={**row, **empty})
        )
        draft = draft_of(held.id)
        assert draft is not None  # noqa: S101 - the row above
        return draft


def publish(
    draft_id: UUID, as_of_at: datetime, signing: OfficerSignature, person: Person, now: datetime
) -> Statement:
    """Sign the draft that was prepared at `as_of_at`: the counts they saw, under their name.

    Refused: "not_signed" without a name, "no_reason" for a correction that does not say why in each
    required language, "not_final" for named totals that could still be added to when they were counted,
    "moved_on" when the draft was published or prepared anew meanwhile. Twice publishes once.
    """
    with atomic() as session:
        statement = session.get(Statement, draft_id, with_for_update=True)
        if statement is None or statement.published_at or statement.as_of_at != as_of_at:
            problem = _("Somebody has prepared a new one in the meantime. Look at it again.")
            raise Refused("moved_on", problem, status=409)
        if statement.numbers["final"] and as_of_at < names_final_at(statement.action):
            raise Refused(
                "not_final", _("Names can still be added to these totals. Freeze the counts again.")
            )
        cleaned = _read(signing, is_correction=statement.version > 1)
        statement.signed_as = cleaned.signed_as
        statement.words, statement.reason = cleaned.words, cleaned.reason
        statement.person_id, statement.published_at = person.id, now
        audit.note(
            f"person:{person.id}", "statement.publish", f"{statement.action_id} {statement.version}", now=now
        )
        return statement


def published(action_id: UUID) -> Sequence[Statement]:
    """The versions that were published, the first one first; the last one stands."""
    conditions = Statement.action_id == action_id, Statement.published_at.is_not(None)
    return db.session.scalars(select(Statement).where(*conditions).order_by(Statement.version)).all()


def draft_of(action_id: UUID) -> Statement | None:
    """The statement that was prepared and is not published."""
    conditions = Statement.action_id == action_id, Statement.published_at.is_(None)
    return db.session.scalar(select(Statement).where(*conditions).execution_options(populate_existing=True))


def changes(before: Statement, after: Statement) -> list[tuple[str, Any, Any]]:
    """(figure, what it was, what it is) of all that a correction moved, in the order of `NAMED`. What one of
    them does not have was not moved."""
    old, new = before.figures["numbers"], after.figures["numbers"]
    # Observed names are no figure of their own any more once the named totals are said.
    names = [name for name in NAMED if name != "observed" or not new["final"]]
    held = [name for name in names if name in old and name in new]
    return [(name, old[name], new[name]) for name in held if old[name] != new[name]]


def open_link(action_id: UUID, by: str, now: datetime) -> StatementLink:
    """The public address, from now on for whoever has it; the one that is open already stays as it is.

    Refused: "not_published" before there is something to read, "drill" for a rehearsal.
    """
    if db.session.get_one(Action, action_id).drill:
        raise Refused("drill", _("A drill is not announced to the public."))
    if not published(action_id):
        raise Refused("not_published", _("There is nothing to read at that address yet: publish first."))
    with atomic() as session:
        new = insert(StatementLink).values(
            action_id=action_id, code=make_code(CODE_LENGTH), made_by=by, made_at=now
        )
        again = {name: new.excluded[name] for name in ("code", "made_by", "made_at")} | {"ended_at": None}
        ended = StatementLink.ended_at.is_not(None)
        opened = session.execute(
            new.on_conflict_do_update(index_elements=["action_id"], set_=again, where=ended)
        )
        if opened.rowcount:  # type: ignore[attr-defined]
            audit.note(by, "statement.open", action_id, now=now)
        return session.get_one(StatementLink, action_id, populate_existing=True)


def close_link(action_id: UUID, by: str, now: datetime) -> None:
    """Nobody reads it by that address any more. Twice closes once."""
    with atomic() as session:
        running = StatementLink.action_id == action_id, StatementLink.ended_at.is_(None)
        closed = session.execute(update(StatementLink).where(*running).values(ended_at=now))
        if closed.rowcount:  # type: ignore[attr-defined]
            audit.note(by, "statement.close", action_id, now=now)
            journal.note("statement.close", {"action": str(action_id), "by": by}, now=now)


def link_of(action_id: UUID) -> StatementLink | None:
    """The public address while it is open."""
    link = db.session.get(StatementLink, action_id, populate_existing=True)
    return link if link and link.ended_at is None else None


def action_behind(code: str) -> UUID | None:
    """The action whose statements are read by this address."""
    running = StatementLink.code == code, StatementLink.ended_at.is_(None)
    return db.session.scalar(select(StatementLink.action_id).where(*running))


def _read(signing: OfficerSignature, *, is_correction: bool) -> OfficerSignature:
    cleaned = OfficerSignature(
        " ".join(signing.signed_as.split())[:LONGEST_NAME],
        signing.words.map(_cut),
        signing.reason.map(_cut) if is_correction else Translated(),
    )
    if not cleaned.signed_as:
        raise Refused("not_signed", _("Write the name and the office you sign with."))
    if is_correction and not cleaned.reason.is_whole:
        raise Refused("no_reason", _("Say in both languages what changed and why."))
    if cleaned.words and not cleaned.words.is_whole:
        raise Refused("one_language", _("Write your words in both languages, or in neither."))
    return cleaned


def _cut(text: str) -> str:
    return text.strip()[:LONGEST]
