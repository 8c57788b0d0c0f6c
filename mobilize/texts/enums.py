"""Enumerations of the texts' columns: classes, states, outcomes, intents, questions and consents."""

from enum import StrEnum


class TextClass(StrEnum):
    """The class of a text, by which it has its window and its cap: see `docs/texts.md`."""

    REQUESTED = "asked"
    DUTY = "duty"
    NOTICE = "notice"
    MEMBER = "member"


class Priority:
    """Order of the queue: the smaller leaves first. Of codes, one lane's do not wait for another's.

    `UNHELD`: what no pause, breaker, pace or used-up day holds. Budgets of their own limit each of these
    (`sending/lanes.py`, `accounts/sign_in/code_budgets.py`).
    """

    CODE, NOTICE, COUNT, REPLY, REMINDER, THANKS = range(0, 60, 10)
    ALARM = CODE - 1  # an emergency, to whoever is on duty
    CODE_OF_ROLE, CODE_OF_MEMBER = CODE + 1, CODE + 2
    CONFIRMATION = CODE + 3  # of an opt-out
    CODES = (CODE, CODE_OF_ROLE, CODE_OF_MEMBER)
    UNHELD = (ALARM, *CODES, CONFIRMATION)
    ALL = (*UNHELD, NOTICE, COUNT, REPLY, REMINDER, THANKS)  # a text of another priority would never leave


class TextState(StrEnum):
    """The state of a text.

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


# What is with the carrier; that and what failed there; that and what may be there.
WITH_CARRIER = TextState.ACCEPTED, TextState.SENT, TextState.DELIVERED
GIVEN_TO_CARRIER = *WITH_CARRIER, TextState.FAILED
MAYBE_WITH_CARRIER = TextState.CLAIMED, TextState.UNKNOWN, *WITH_CARRIER


# Why a text is unknown whose attempt was perhaps never made (`mobilize.texts.recovery`).
AFTER_RESTORE = "after_restore"


class AttemptOutcome(StrEnum):
    """The result of one call to the carrier. `started` is written before the call; `unknown` is looked up."""

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
    """The meaning of a text that came in. A bare number means what was last asked (`Inbound.question_id`)."""

    OUT = "out"  # value: doubtful, where it may not have been meant
    WRONG_NUMBER = "wrong_number"  # whoever wrote is not who we take them for
    IN = "in"
    HELP = "help"
    WHO = "who"
    HERE = "here"  # value: the text code
    COMING = "coming"
    NOT_COMING = "not_coming"
    WHERE = "where"  # the school, if one is named, stands in the words
    NUMBER = "number"  # value: the number
    LANGUAGE = "language"  # value: en or es
    URGENT_OK = "urgent_ok"
    ALARM = "alarm"  # police, hurt: a person reads it first
    OTHER = "other"


class QuestionKind(StrEnum):
    """The kinds of questions asked by text."""

    COMING = "coming"
    HEAD_COUNT = "head_count"
    # Asked of a phone that several members share: which of them it was.
    WHO_COMES = "who_comes"
    WHO_DOES_NOT = "who_does_not"
    WHO_IS_HERE = "who_is_here"


class ConsentKind(StrEnum):
    """The kinds of consent of a number: texts at all, or urgent ones at any hour."""

    TEXTS = "texts"
    URGENT = "urgent"
