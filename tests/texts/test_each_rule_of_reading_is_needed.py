"""Texts that one rule of the reader alone decides: without it, each would be read as something else."""

import pytest

from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving import replies
from mobilize.texts.receiving.reading.classifier import model
from mobilize.texts.receiving.reading.counts import CountRead
from mobilize.texts.receiving.replies import (
    ALARM_FROM,
    ALARM_FROM_OVER_ANSWER,
    ALARM_FROM_WITH_WORDS,
    ANSWER_FROM,
    ASKS,
    COUNT_FROM,
    DOUBTFUL,
    DOUBTFUL_FROM,
    QUESTION_FROM,
    START_FROM,
    STOP_FROM,
    STOP_FROM_WITH_WORDS,
    STOPS,
    SURE,
    WRONG_NUMBER_FROM,
    ParsedReply,
    count_of,
    count_value,
    plain_words,
    read_reply,
    school_asked,
)

CLEAR, DOUBTED = ParsedReply(Intent.OUT), ParsedReply(Intent.OUT, DOUBTFUL)
ALARM, HERE, OTHER = ParsedReply(Intent.ALARM), ParsedReply(Intent.HERE), ParsedReply(Intent.OTHER)


# ---- No more texts


@pytest.mark.parametrize("body", ["Sto p", "st op", "s top", "STOPPP", "finnn", "bajaaa", "enddd"])
def test_stop_is_read_with_a_slipped_space_and_with_letters_that_hang(body: str) -> None:
    assert read_reply(body) == CLEAR


@pytest.mark.parametrize(
    "body",
    [
        "turn off the texts",
        "deregister me",
        "I want out of this text thing",
        "solo correo electronico por favor",
        "not her stop texting me",
        "for the love of god stop",
    ],
)
def test_who_says_it_clearly_is_let_go_without_being_asked_again(body: str) -> None:
    assert read_reply(body) == CLEAR


@pytest.mark.parametrize(
    "body",
    [
        "leave me out of it",
        "ya párenle a esto",
        "I'm good on texts, forever",
        "These messages are unwelcome.",
        "ya no quiero saber nada",
    ],
)
def test_who_may_have_meant_it_is_let_go_and_asked(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == DOUBTED


@pytest.mark.parametrize("body", ["cancele mi baja por favor", "cancelen el stop"])
def test_who_may_want_texts_again_is_told_how(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == DOUBTED


@pytest.mark.parametrize(
    "body",
    [
        "don't you dare take me off this list",
        "don't stop texting, these reminders get me out of bed",
        "no me quería dar de baja",
        "opt in",
        "it would be nice to sleep past five for once",
        "too early",
        "maybe fewer",
        "not in the mood",
        "call me",
    ],
)
def test_who_wants_to_hear_from_us_goes_on_hearing(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == OTHER


def test_a_number_that_changed_hands_is_no_wish_to_stop() -> None:
    body = "Your contact info is out of date, I'm Jim"
    assert read_reply(body, QuestionKind.COMING) == ParsedReply(Intent.WRONG_NUMBER)


# ---- Danger


@pytest.mark.parametrize("body", ["bomberos", "bombs", "bleachers gave way"])
def test_a_word_of_danger_is_enough_for_an_alarm(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == ALARM


@pytest.mark.parametrize(
    "body",
    [
        "STOP TEXTING we're getting shot at",
        "ALTO, no más mensajes, hay balazos",
        "Unsubscribe. Also your picket just got hit by a truck.",
        "quítenme de la lista, la migra está revisando teléfonos",
    ],
)
def test_who_is_in_danger_and_wants_no_texts_gets_help_and_no_texts(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == ParsedReply(Intent.ALARM, STOPS)


# ---- Answers


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("4 - 6 - 3 - 9 - 7 here", "46397"),
        ("53,461 aqui", "53461"),
        ("seven zero four five two here", "70452"),
        ("AQUI uno dos ocho siete seis", "12876"),
        ("uh the code. eight zero. eight one. six. here", "80816"),
        ("here now", None),
        ("aquí presente", None),
        ("llegué con los tamales", None),
        ("I'm here with my two kids and one dog", None),
        ("ya llegamos los dos, uno en cada puerta", None),
    ],
)
def test_who_is_here_says_the_code_as_they_like_or_not_at_all(body: str, code: str | None) -> None:
    assert read_reply(body) == ParsedReply(Intent.HERE, code)


@pytest.mark.parametrize(
    "body", ["aqui desde las 6:30 y nadie me da el codigo", "HERE TOO ONE NINE FOR ZERO"]
)
def test_figures_that_are_no_code_are_for_a_person(body: str) -> None:
    assert read_reply(body) == OTHER


@pytest.mark.parametrize(
    "body",
    [
        "24 people",
        "24 of us",
        "we are 24",
        "we have 24",
        "24 here",
        "count 24",
        "24 personas",
        "somos 24",
        "hay 24",
        "24 aquí",
        "2️⃣4️⃣",
    ],
)
def test_a_bare_count_is_one_even_where_none_was_asked_for(body: str) -> None:
    assert read_reply(body) == ParsedReply(Intent.NUMBER, "24")


@pytest.mark.parametrize(
    ("body", "heads"),
    [
        ("37 here, don't stop sending reminders they work", "37"),
        ("número equivocado el de antes, son 30", "30"),
        ("29 head count done, leaving to drop my kid", "29"),
    ],
)
def test_a_chair_is_read_as_one_who_was_asked_for_a_count(body: str, heads: str) -> None:
    assert read_reply(body, QuestionKind.HEAD_COUNT) == ParsedReply(Intent.NUMBER, heads)


@pytest.mark.parametrize("count", [CountRead(24, 0), CountRead(24, 6), CountRead(0, 11), CountRead(0, 0)])
def test_a_count_that_was_understood_is_kept_whole(count: CountRead) -> None:
    assert count_of(count_value(count)) == count


def test_a_count_is_written_with_its_supporters() -> None:
    assert (count_value(CountRead(24, 0)), count_value(CountRead(24, 6))) == ("24", "24+6")


@pytest.mark.parametrize("body", ["I can't come", "I can’t come", "I CAN’T — come!"])
def test_any_apostrophe_holds_a_word_together(body: str) -> None:
    assert plain_words(body) == "i cant come"


# ---- Where is my line?


@pytest.mark.parametrize(
    ("body", "school"),
    [
        ("WHERE", ""),
        ("¿Dónde está mi línea?", ""),
        ("where Lincoln", "lincoln"),
        ("where do I park", None),
        ("somewhere", None),
    ],
)
def test_where_may_name_a_school_and_a_question_about_parking_names_none(
    body: str, school: str | None
) -> None:
    assert school_asked(body) == school
    assert read_reply(body).intent is (Intent.OTHER if school is None else Intent.WHERE)


# ---- Bounds: what is read where the classifier is just so sure, whatever it was trained with

LITTLE = 0.01
CAR, RAID, NICE = "a car almost hit us", "vi la migra ayer", "it would be nice to sleep"
REMOVE, NO_TEXTS = "unsubscribe me please", "I said stop texting me"
COMING = ParsedReply(Intent.COMING)
WRONG = ParsedReply(Intent.WRONG_NUMBER)
ALARM_AND_OUT = ParsedReply(Intent.ALARM, STOPS)
BOUNDS: list[tuple[str, dict[str, float], ParsedReply]] = [
    # An alarm takes more where an answer is likeliest, less with a word of danger, and least if it is bare.
    (CAR, {"emergency": ALARM_FROM}, ALARM),
    (CAR, {"emergency": ALARM_FROM - LITTLE}, OTHER),
    (CAR, {"emergency_stop": ALARM_FROM}, ALARM),
    (CAR, {"emergency": ALARM_FROM, "coming": 0.7}, COMING),
    (CAR, {"emergency": ALARM_FROM_OVER_ANSWER, "coming": 0.7}, ALARM),
    (CAR, {"emergency": ALARM_FROM_WITH_WORDS}, OTHER),
    (RAID, {"emergency": ALARM_FROM_WITH_WORDS}, ALARM),
    (RAID, {"emergency": ALARM_FROM_WITH_WORDS, "coming": 0.7}, ALARM),
    (RAID, {"emergency": ALARM_FROM_WITH_WORDS - LITTLE}, OTHER),
    ("bomberos", {"emergency": ALARM_FROM_WITH_WORDS / 4}, ALARM),
    ("bomberos", {"emergency": ALARM_FROM_WITH_WORDS / 4.5}, OTHER),
    ("too early", {"emergency": SURE}, ALARM),
    ("too early", {"emergency": SURE - LITTLE}, OTHER),
    ("so early today", {"emergency": SURE - LITTLE}, ALARM),
    # In danger they are let go too, and where they threaten with the police.
    (CAR, {"emergency": 0.3, "stop": 0.3}, ALARM),
    ("if you text me again I call the police", {}, ALARM_AND_OUT),
    (CAR, {"emergency_stop": STOP_FROM}, ALARM_AND_OUT),
    (f"{NO_TEXTS}, {CAR}", {"emergency": 0.9}, ALARM_AND_OUT),
    # A clear wish, one that is asked about, and none.
    (REMOVE, {"stop": STOP_FROM}, CLEAR),
    (REMOVE, {"stop": STOP_FROM - LITTLE}, DOUBTED),
    (REMOVE, {"stop": STOP_FROM - LITTLE, "emergency_stop": 2 * LITTLE}, CLEAR),
    (REMOVE, {"stop": 0.9, "start": START_FROM}, DOUBTED),
    (REMOVE, {"stop": 0.9, "start": START_FROM - LITTLE}, CLEAR),
    (REMOVE, {"stop": DOUBTFUL_FROM}, DOUBTED),
    (REMOVE, {"stop": DOUBTFUL_FROM - LITTLE}, OTHER),
    (REMOVE, {"stop": LITTLE, "stop_doubtful": DOUBTFUL_FROM}, DOUBTED),
    (REMOVE, {"stop": 0.4, "start": 0.4}, OTHER),
    (NO_TEXTS, {"stop": STOP_FROM_WITH_WORDS}, CLEAR),
    (NO_TEXTS, {"stop": STOP_FROM_WITH_WORDS - LITTLE, "stop_doubtful": 2 * LITTLE}, DOUBTED),
    (NICE, {"stop": STOP_FROM}, DOUBTED),
    (NICE, {"stop": STOP_FROM - LITTLE}, OTHER),
    # A number that changed hands.
    (REMOVE, {"stop": 0.4, "wrong_number": 0.4}, DOUBTED),
    (NICE, {"wrong_number": WRONG_NUMBER_FROM}, WRONG),
    (NICE, {"wrong_number": WRONG_NUMBER_FROM - LITTLE}, OTHER),
    # Answers.
    (NICE, {"coming": ANSWER_FROM}, COMING),
    (NICE, {"coming": ANSWER_FROM - LITTLE}, OTHER),
    (NICE, {"coming": 0.7, "question": QUESTION_FROM}, ParsedReply(Intent.COMING, ASKS)),
    (NICE, {"coming": 0.7, "question": QUESTION_FROM - LITTLE}, COMING),
]


def read_with(
    monkeypatch: pytest.MonkeyPatch, body: str, question: QuestionKind, likely: dict[str, float]
) -> ParsedReply:
    """What a text is read as where these are its chances, and the rest is chat."""
    rest = 1 - sum(likely.values())
    chances = {**dict.fromkeys(model().labels, 0.0), "chat": rest, **likely}
    monkeypatch.setattr(replies, "probabilities", lambda _body, of_chair: chances)
    return read_reply(body, question)


@pytest.mark.parametrize(("body", "likely", "reply"), BOUNDS)
def test_what_is_just_sure_enough_is_taken_for_it_and_a_little_less_is_not(
    monkeypatch: pytest.MonkeyPatch, body: str, likely: dict[str, float], reply: ParsedReply
) -> None:
    assert read_with(monkeypatch, body, QuestionKind.COMING, likely) == reply


def test_a_chair_who_was_asked_for_a_count_is_soon_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    kind, count = QuestionKind.HEAD_COUNT, ParsedReply(Intent.NUMBER, "37")
    assert read_with(monkeypatch, "37 came today", kind, {"count": COUNT_FROM}) == count
    assert read_with(monkeypatch, "37 came today", kind, {"count": COUNT_FROM - LITTLE}) == OTHER


@pytest.mark.parametrize("body", ["just got to the gate, code 4821", "ya llegué, 482193, aquí por la puerta"])
def test_whoever_is_here_with_a_code_of_another_length_is_asked_for_it(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == ParsedReply(Intent.HERE)
