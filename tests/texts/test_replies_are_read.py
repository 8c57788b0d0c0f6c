"""A hundred and fifty texts as people write them, in English and Spanish, and how we read them."""

import pytest

from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.replies import DOUBTFUL, STOPS, WHICH, ParsedReply, read_reply

STOP = """
    STOP
    Stop
    stop.
    STOP!
    STOP!!!
    "STOP"
    ＳＴＯＰ
    stop please
    Please stop
    please stop texting me
    STOP TEXTING ME
    stop sending me messages
    Stop messaging this number
    stopall
    unsubscribe
    Unsubscribe me please
    cancel
    End
    quit
    REVOKE
    optout
    opt out
    Opt me out of this
    remove me
    Remove me from your list
    take me off this list
    don't text me
    Don’t text me anymore
    do not text this number
    no more texts
    No more messages please
    ALTO
    alto por favor
    Parar
    pare
    PARA
    Baja
    denme de baja
    Cancelar
    no más
    NO MAS
    No más mensajes
    no mas textos por favor
    no me escriban más
    No me manden mensajes
    no me envien nada
    no quiero más mensajes
    Dejen de escribirme
    quítenme de la lista
    Bórrenme
    ya no me mandes textos
    dame de baja
    Quítame de la lista
    pls stop
    stop it
    stop stop stop
    unsubscrib
    s t o p
    stpo
    Please remove my number
    Do not contact me again
    please don't keep sending these
    you keep texting me, stop
"""
START = """
    START
    start
    Unstop
    ALTA
    alta.
"""
# Answers to "Coming? 1 = coming, 2 = not".
COMING = """
    1
    1.
    1️⃣
    １
    one
    One!
    IN
    in
    I'm in
    yes
    Yes!
    YES!!!
    yes coming
    coming
    I'll be there
    Ill be there
    count me in
    sí
    SI
    Sí!
    si voy
    Sí, voy
    voy
    VOY
    uno
    ahí estaré
    ahi estaremos
    allí estaré
    cuenten conmigo
    Yes I'll be there
    yep
    1 coming
    Claro que sí
    Si ahí estaré
"""
NOT_COMING = """
    2
    2.
    2️⃣
    two
    OUT
    no
    No
    NO!
    nope
    not coming
    can't
    cant come
    I can't make it
    can’t make it
    Sorry, can't
    no voy
    No puedo
    no puedo ir
    no podré
    no voy a poder
    dos
    2, my kid is sick
    Not coming I'm on leave
"""
# Answers to "How many are at ... now?"
COUNTS = {
    "24": "24",
    " 24 ": "24",
    "24.": "24",
    "24!": "24",
    "０２４": "24",
    "2️⃣": "2",
    "24 people": "24",
    "we are 24": "24",
    "We have 24 here": "24",
    "24 of us": "24",
    "about 24": "24",
    "24 or 25": "24",
    "two dozen": "24",
    "twenty": "20",
    "doce": "12",
    "Somos 24": "24",
    "somos 31 personas": "31",
    "hay 18": "18",
    "18 aquí": "18",
    "quince": "15",
    "0": "0",
    "zero": "0",
    "nobody": "0",
    "nadie": "0",
    "cero": "0",
    "1 y 3": None,
    "24-30": "24",
    "2.5": None,
    "123456": None,
}
HERE = {
    "HERE 48219": "48219",
    "here 48219": "48219",
    "Here: 48219": "48219",
    "here #48219": "48219",
    "HERE-48219": "48219",
    "here48219": "48219",
    "I'm here 48219": "48219",
    "AQUI 48219": "48219",
    "Aquí 48219": "48219",
    "aquí 48219.": "48219",
    "Presente 48219": "48219",
    "estoy aquí 48219": "48219",
    "Here 4 8 2 1 9": "48219",
    "aqui estoy 48219": "48219",
    "hear 48219": "48219",
    "48219": "48219",
    "HERE": None,
    "aquí": None,
}
OTHERS = [
    ("help", Intent.HELP),
    ("INFO", Intent.HELP),
    ("Ayuda", Intent.HELP),
    ("información", Intent.HELP),
    ("who is this", Intent.WHO),
    ("Who's this??", Intent.WHO),
    ("who are you", Intent.WHO),
    ("wrong number, who is this", Intent.WHO),
    ("¿Quién es?", Intent.WHO),
    ("quien eres", Intent.WHO),
    ("de quién es este número", Intent.WHO),
    ("ESPAÑOL", Intent.LANGUAGE),
    ("espanol", Intent.LANGUAGE),
    ("English", Intent.LANGUAGE),
    ("Inglés", Intent.LANGUAGE),
    ("URGENT", Intent.URGENT_OK),
    ("urgente", Intent.URGENT_OK),
    ("police are here", Intent.ALARM),
    ("the cops came", Intent.ALARM),
    ("Someone got hurt at the gate", Intent.ALARM),
    ("call 911", Intent.ALARM),
    ("Llegó la policía", Intent.ALARM),
    ("hay un herido", Intent.ALARM),
    ("they arrested two of us", Intent.ALARM),
    ("Se lastimó una compañera", Intent.ALARM),
    ("Emergencia en la puerta", Intent.ALARM),
    ("Viene la migra", Intent.ALARM),
    ("she is bleeding", Intent.ALARM),
    ("", Intent.OTHER),
    ("👍", Intent.OTHER),
    ("ok", Intent.OTHER),
    ("Thanks!", Intent.OTHER),
    ("gracias", Intent.OTHER),
    ("What time does it start?", Intent.OTHER),
    ("¿A qué hora termina?", Intent.OTHER),
    ("my car will not stop making noise", Intent.OTHER),
    ("where do I park", Intent.OTHER),
    ("I am not there yet", Intent.OTHER),
    ("No entiendo", Intent.OTHER),
    ("a" * 1600, Intent.OTHER),
]


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]


def misread(bodies: list[str], question: str | None, intent: Intent) -> list[tuple[str, str]]:
    return [(body, result) for body in bodies if (result := read_reply(body, question).intent) is not intent]


@pytest.mark.parametrize("question", [None, *QuestionKind])
def test_stop_is_stop_whatever_was_asked(question: str | None) -> None:
    assert misread(lines(STOP), question, Intent.OUT) == []
    assert misread(lines(START), question, Intent.IN) == []


def test_coming_and_not_coming() -> None:
    assert misread(lines(COMING), QuestionKind.COMING, Intent.COMING) == []
    assert misread(lines(NOT_COMING), QuestionKind.COMING, Intent.NOT_COMING) == []


@pytest.mark.parametrize(
    "body",
    [
        "stop texting me or I call the police",
        "If you text me again I'm calling the police",
        "otro mensaje y voy a la policía",
        "STOP TEXTING ME!! this is an emergency",
        "no me escriban más o llamo a la policía",
    ],
)
def test_whoever_wants_no_more_texts_is_let_go_whatever_else_is_said(body: str) -> None:
    """And somebody looks at it at once."""
    assert read_reply(body) == ParsedReply(Intent.ALARM, STOPS)


@pytest.mark.parametrize(
    "body",
    [
        "please stop and send help, police are pushing people",
        "si siguen los golpes llamo a la policía",
        "🔫 at the gate",
        "HELP we need somebody here",
        "ICE is outside the school",
        "ICE outside",
        "a maestra was hit by a car",
        "he has a knife",
        "somebody fainted",
        "a car drove into the line",
        "911",
        "incendio",
        "no quiero vivir",
        "Atropellaron a una maestra en la puerta, manden ayuda",
        "sum1 call 911 my fone is dyin",
    ],
)
def test_an_emergency_is_no_wish_to_get_no_texts(body: str) -> None:
    assert read_reply(body) == ParsedReply(Intent.ALARM)


@pytest.mark.parametrize(
    "body",
    [
        "Don't stop texting us",
        "Can you please stop by room 12",
        "Que dejen de recortar nuestras escuelas!! ahí estaremos",
        "No quiero más recortes, cuenten conmigo",
        "Will the district stop sending our jobs",
        "I got my flu shot today",
        "Is the flu shot clinic still on?",
        "thank you for texting me",
        "gracias por el recordatorio",
        "Love these texts",
        "that chant is fire",
        "es simulacro de incendio, no se asusten",
        "these class sizes are killing me",
        "no hay migra, eran rumores",
    ],
)
def test_words_of_stopping_and_of_danger_have_other_meanings(body: str) -> None:
    assert read_reply(body).intent not in (Intent.OUT, Intent.ALARM)


@pytest.mark.parametrize("body", ["Can you stop", "please stop it", "I'm done", "ya basta"])
def test_a_wish_that_may_not_have_been_meant_is_obeyed_and_said_to_be_doubtful(body: str) -> None:
    assert read_reply(body) == ParsedReply(Intent.OUT, DOUBTFUL)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("STOP this is not Ana", STOPS),
        ("Wrong number, take me off", STOPS),
        ("Número equivocado", None),
        ("You have the wrong number", None),
    ],
)
def test_a_wrong_number_says_whether_it_wants_to_be_let_go(body: str, value: str | None) -> None:
    assert read_reply(body, QuestionKind.COMING) == ParsedReply(Intent.WRONG_NUMBER, value)


@pytest.mark.parametrize("body", ["maybe", "quizás", "maybe, depends on my kid", "1 or 2 not sure"])
def test_who_does_not_know_yet_is_for_a_person(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING).intent is Intent.OTHER


def test_yes_is_never_start_and_no_is_never_stop() -> None:
    for body in ("yes", "YES", "sí", "no", "NO!"):
        assert read_reply(body).intent not in (Intent.IN, Intent.OUT)


def test_a_count_is_one_figure_and_nothing_that_could_change_it() -> None:
    results = {body: read_reply(body, QuestionKind.HEAD_COUNT) for body in COUNTS}
    assert {
        body: read.value if read.intent is Intent.NUMBER else None for body, read in results.items()
    } == COUNTS


def test_here_and_the_code() -> None:
    results = {body: read_reply(body) for body in HERE}
    assert {
        body: read.value if read.intent is Intent.HERE else read for body, read in results.items()
    } == HERE


def test_everything_else() -> None:
    assert [(body, read_reply(body).intent) for body, _intent in OTHERS] == OTHERS


def test_there_are_a_hundred_and_fifty_of_them() -> None:
    assert sum(map(len, (*map(lines, (STOP, START, COMING, NOT_COMING)), COUNTS, HERE, OTHERS))) >= 150


@pytest.mark.parametrize(
    ("body", "question", "intent", "value"),
    [
        # A number is one whatever was asked, unless it is the answer to "Coming?".
        ("24", None, Intent.NUMBER, "24"),
        ("24", QuestionKind.HEAD_COUNT, Intent.NUMBER, "24"),
        ("2", QuestionKind.HEAD_COUNT, Intent.NUMBER, "2"),
        ("2", QuestionKind.WHO_COMES, Intent.NUMBER, "2"),
        ("3", QuestionKind.COMING, Intent.NUMBER, "3"),
        ("24 count", QuestionKind.HEAD_COUNT, Intent.NUMBER, "24"),
        ("1️⃣2️⃣", QuestionKind.HEAD_COUNT, Intent.NUMBER, "12"),
        ("12345", QuestionKind.HEAD_COUNT, Intent.NUMBER, "12345"),
        ("123456", QuestionKind.HEAD_COUNT, Intent.OTHER, None),
        ("hello", QuestionKind.HEAD_COUNT, Intent.OTHER, None),
        ("nope", QuestionKind.HEAD_COUNT, Intent.OTHER, None),
        ("coming", None, Intent.OTHER, None),
        # "All" answers which of a phone's members are meant, and nothing else.
        *((word, kind, Intent.NUMBER, "all") for kind in WHICH for word in ("all", "Todos")),
        ("all", None, Intent.OTHER, None),
        ("all", QuestionKind.HEAD_COUNT, Intent.OTHER, None),
        ("hello", QuestionKind.WHO_COMES, Intent.OTHER, None),
        ("español", None, Intent.LANGUAGE, "es"),
        ("English", None, Intent.LANGUAGE, "en"),
    ],
)
def test_what_was_asked_decides_what_an_answer_means(
    body: str, question: QuestionKind | None, intent: Intent, value: str | None
) -> None:
    assert read_reply(body, question) == ParsedReply(intent, value)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("We have 32 people out here", "32"),
        ("we're 24", "24"),
        ("veinticuatro", "24"),
        ("forty five", "45"),
        ("dos docenas", "24"),
        ("1,200", "1200"),
        ("24 teachers, 6 parents", "24+6"),
        ("18 at gate A and 11 at gate B", "29"),
        ("nobody yet", "0"),
        ("no one here", "0"),
        ("45-50", "45"),
        ("entre 20 y 25", "20"),
        ("somos cuarenta y dos maestros y diez padres", "42+10"),
        ("It's 6:45 and we are 30", "30"),
        ("22 no wait 26", "26"),
        ("15, perdón 18", "18"),
        ("ahorita 38, hace rato eramos 30", "38"),
        ("18 and we lost 2 to the bathroom", "18"),
        ("20 at gate 1, 15 at gate 2, 10 at gate 3", "45"),
        ("Maestros 58, papás 12", "58+12"),
        ("no teachers yet just 11 parents", "0+11"),
        ("Eleven total, that's 6 at main and 5 at the kinder yard", "11"),
        ("docena y media", "18"),
        ("thirty tres", "33"),
        ("just me", "1"),
        ("eighteen, gate 2", "18"),
        ("27 at gate 3", "27"),
        ("me and 7 others", "8"),
        ("two lines of 9", "18"),
        ("12 de cada lado, o sea 24", "24"),
        ("creí que 30 pero son 28", "28"),
        ("cuarentaicinco", "45"),
        ("24 mujeres y 3 hombres", "27"),
        ("17 people in 40 degree weather", "17"),
        ("33 esperen 35", "35"),
    ],
)
def test_a_count_in_a_chairs_own_words_is_read(body: str, value: str) -> None:
    assert read_reply(body, QuestionKind.HEAD_COUNT) == ParsedReply(Intent.NUMBER, value)


@pytest.mark.parametrize(
    "body",
    ["there were 20, then 14, then 17", "lots", "more than yesterday", "un chorro", "casi todos"],
)
def test_what_is_no_plain_count_is_asked_again(body: str) -> None:
    assert read_reply(body, QuestionKind.HEAD_COUNT).intent is Intent.OTHER
