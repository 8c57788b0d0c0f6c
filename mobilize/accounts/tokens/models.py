"""The tables of tokens: what other programs sign their requests with, and the answers they may ask for
again."""

import uuid
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import ForeignKey, Index, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from mobilize.accounts.models import Person
from mobilize.database import Model, SealedText
from mobilize.roster.models import Area

# As long as an answer is kept for whoever asks again under the same key.
ANSWERS_KEPT = timedelta(hours=24)


class ApiScope(StrEnum):
    """What a token opens. A token that reports at lines reads nothing with it; names bring the figures along.

    `read`: places, campaigns, actions, events, and of people only what outsiders may be told. `figures`:
    counts by name of every chapter, however small, and members without names. `report`: check-ins, head
    counts and supporters. `plan`: campaigns, actions, events, drafts. `names`: who the members are, and who
    came. `phones`: their numbers.
    """

    READ = "read"
    FIGURES = "figures"
    REPORT = "report"
    PLAN = "plan"
    NAMES = "names"
    PHONES = "phones"


# Asked for with a reason and, from so many members on, with a second person: as exports are.
PERSONAL = frozenset({ApiScope.NAMES, ApiScope.PHONES})


class ApiToken(Model):
    """The right of a program to what one person may do, as far as the scopes and the area go, until it
    expires.

    Only the hash is stored, and the first letters, by which people tell one from another; without a hash it
    waits for a second person. It opens nothing any more once its maker's role has ended, or their sign-in was
    reset. `used_on` is the last day it was used: nothing else is known of its use, and no address.
    """

    __tablename__ = "api_tokens"
    __table_args__ = (Index("ix_api_tokens_person", "person_id"),)

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    person_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("people.id"))
    area_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("areas.id"))
    token_hash: Mapped[bytes | None] = mapped_column(LargeBinary(32), unique=True)
    prefix: Mapped[str | None] = mapped_column(String(16))
    label_enc: Mapped[bytes]
    reason_enc: Mapped[bytes | None]
    scopes: Mapped[str] = mapped_column(String(80))
    # Whose names it opens, counted when it was asked for; None for one that opens none.
    people: Mapped[int | None]
    made_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_on: Mapped[date | None]
    revoked_at: Mapped[datetime | None]
    revoked_by: Mapped[str | None] = mapped_column(String(64))

    label = SealedText()
    reason = SealedText()

    person: Mapped[Person] = relationship()
    area: Mapped[Area | None] = relationship()

    @property
    def scope_set(self) -> frozenset[ApiScope]:
        """The scopes it was made with."""
        return read_scopes(self.scopes)


class StoredAnswer(Model):
    """The answer to a request that changed something, for a program that asks again under the same key.

    `key_hash` is of the key together with the token; `body_hash` tells a repeat from another request under
    that key. The answer is sealed, and gone after a day.
    """

    __tablename__ = "stored_answers"
    __table_args__ = (
        # purge(): those whose day is over.
        Index("ix_stored_answers_made_at", "made_at"),
    )

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    token_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("api_tokens.id"))
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    body_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    status: Mapped[int]
    answer_enc: Mapped[bytes]
    made_at: Mapped[datetime]

    answer = SealedText()


def read_scopes(stored: str) -> frozenset[ApiScope]:
    """The scopes in a column of `ApiToken.scopes`."""
    return frozenset(ApiScope(word) for word in stored.split())


def write_scopes(scopes: frozenset[ApiScope]) -> str:
    """The same scopes for that column, in one order."""
    return " ".join(scope for scope in ApiScope if scope in scopes)
