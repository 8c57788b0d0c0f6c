"""A hundred and fifty texts as people write them, in English and Spanish, and how we read them."""

import pytest

from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.replies import read_reply

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
    "about 24": None,
    "24 or 25": None,
    "two dozen": None,
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
    "24-30": None,
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


def misread(bodies: list[str], asked: str | None, intent: Intent) -> list[tuple[str, str]]:
    return [(body, found) for body in bodies if (found := read_reply(body, asked).intent) is not intent]


@pytest.mark.parametrize("asked", [None, *QuestionKind])
def test_stop_is_stop_whatever_was_asked(asked: str | None) -> None:
    assert misread(lines(STOP), asked, Intent.OUT) == []
    assert misread(lines(START), asked, Intent.IN) == []


def test_coming_and_not_coming() -> None:
    assert misread(lines(COMING), QuestionKind.COMING, Intent.COMING) == []
    assert misread(lines(NOT_COMING), QuestionKind.COMING, Intent.NOT_COMING) == []


@pytest.mark.parametrize(
    "body",
    [
        "stop texting me or I call the police",
        "STOP TEXTING ME!! this is an emergency",
        "no me escriban más o llamo a la policía",
    ],
)
def test_whoever_wants_no_more_texts_is_let_go_whatever_else_is_said(body: str) -> None:
    assert read_reply(body).intent is Intent.OUT


def test_yes_is_never_start_and_no_is_never_stop() -> None:
    for body in ("yes", "YES", "sí", "no", "NO!"):
        assert read_reply(body).intent not in (Intent.IN, Intent.OUT)


def test_a_count_is_one_figure_and_nothing_that_could_change_it() -> None:
    found = {body: read_reply(body, QuestionKind.HEAD_COUNT) for body in COUNTS}
    assert {
        body: read.value if read.intent is Intent.NUMBER else None for body, read in found.items()
    } == COUNTS


def test_here_and_the_code() -> None:
    found = {body: read_reply(body) for body in HERE}
    assert {body: read.value if read.intent is Intent.HERE else read for body, read in found.items()} == HERE


def test_everything_else() -> None:
    assert [(body, read_reply(body).intent) for body, _intent in OTHERS] == OTHERS


def test_there_are_a_hundred_and_fifty_of_them() -> None:
    assert sum(map(len, (*map(lines, (STOP, START, COMING, NOT_COMING)), COUNTS, HERE, OTHERS))) >= 150
