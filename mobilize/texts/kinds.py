"""The words that stand in the columns of this room: classes, states, outcomes, readings, questions."""

from enum import StrEnum


class TextClass(StrEnum):
    """Which window and which cap a text has: see `docs/texts.md`."""

    ASKED = "asked"
    DUTY = "duty"
    NOTICE = "notice"
    MEMBER = "member"


class Priority:
    """Order of the queue: the smaller leaves first. Of codes, one lane's do not wait for another's."""

    CODE, NOTICE, COUNT, REPLY, REMINDER, THANKS = range(0, 60, 10)
    CODE_OF_ROLE, CODE_OF_MEMBER = CODE + 1, CODE + 2


class TextState(StrEnum):
    """What has become of a text.

    waiting -> claimed -> accepted -> sent -> delivered
       |          |           `---------`---> failed     with the carrier's error code
       |          |---> failed                           refused at once, with the code
       |          |---> waiting                          slowed down, or never left: next_try_at says when
       |          `---> unknown ---> accepted            found in the carrier's log, or by its receipt
       |                   |-------> waiting             three looks without it
       |                   `-------> stuck               the log cannot be read: a person decides
       `---> dropped                                     opted out, out of time, or no longer wanted
    """

    WAITING = "waiting"
    CLAIMED = "claimed"
    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    SENT = "sent"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"
    STUCK = "stuck"


class Outcome(StrEnum):
    """How one call to the carrier ended. `started` is written before the call; `unknown` is looked up."""

    STARTED = "started"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    SLOWED = "slowed"  # 429: not taken, safe to repeat
    NOT_SENT = "not_sent"  # no byte left us, safe to repeat
    UNKNOWN = "unknown"
    ADOPTED = "adopted"  # unknown, then found in the carrier's log or by its receipt
    NOT_FOUND = "not_found"  # unknown, and three readable looks did not show it
    LATE = "late"  # not found, sent anew, and then its receipt came: the one double that can happen


class Intent(StrEnum):
    """How we read a text that came in. A bare number means what was last asked (`Inbound.question_id`)."""

    OUT = "out"
    IN = "in"
    HELP = "help"
    WHO = "who"
    HERE = "here"  # value: the text code
    COMING = "coming"
    NOT_COMING = "not_coming"
    NUMBER = "number"  # value: the number
    LANGUAGE = "language"  # value: en or es
    URGENT_OK = "urgent_ok"
    ALARM = "alarm"  # police, hurt: a person reads it first
    OTHER = "other"


class QuestionKind(StrEnum):
    """What a number can be asked by text."""

    COMING = "coming"
    HEAD_COUNT = "head_count"
    # Asked of a phone that several members share: which of them it was.
    WHO_COMES = "who_comes"
    WHO_DOES_NOT = "who_does_not"
    WHO_IS_HERE = "who_is_here"


class ConsentKind(StrEnum):
    """What a number agreed to, or took back: texts at all, or urgent ones at any hour."""

    TEXTS = "texts"
    URGENT = "urgent"
