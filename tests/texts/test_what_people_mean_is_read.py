"""Texts that begin like something else than they are: complaints, shouts, short answers, codes and counts."""

import pytest

from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.replies import ASKS, DOUBTFUL, STOPS, ParsedReply, read_reply

ANY_QUESTION = [None, QuestionKind.COMING, QuestionKind.HEAD_COUNT]
CLEAR, DOUBTED = ParsedReply(Intent.OUT), ParsedReply(Intent.OUT, DOUBTFUL)
ALARM, AGAIN, OTHER = ParsedReply(Intent.ALARM), ParsedReply(Intent.IN), ParsedReply(Intent.OTHER)
COMING, NOT_COMING = ParsedReply(Intent.COMING), ParsedReply(Intent.NOT_COMING)


# ---- Texts that do not arrive


@pytest.mark.parametrize("question", ANY_QUESTION)
@pytest.mark.parametrize(
    "body",
    [
        "I'm not getting texts anymore why",
        "My texts do not arrive",
        "no longer getting reminders, please fix",
        "i dont get reminders from you guys",
        "no texts since monday",
        "I stopped getting your texts",
        "why did you stop texting me",
        "Why no texts today",
        "why was I taken off the list",
        "I was removed from the list by mistake",
        "not receiving messages on this phone",
        "texts are not coming through",
        "We haven't received a single reminder at Elm Street",
        "ya no recibo mensajes",
        "no me llegan textos ya",
        "nunca me llegan los mensajes",
        "mi esposa ya no recibe los avisos, por que",
        "por qué dejaron de mandarme los recordatorios",
        "ya no me llegan los reminders",
    ],
)
def test_who_misses_our_texts_does_not_want_fewer(body: str, question: QuestionKind | None) -> None:
    reply = read_reply(body, question)
    assert reply.intent not in (Intent.OUT, Intent.WRONG_NUMBER) and reply.value != STOPS


@pytest.mark.parametrize(
    "body",
    [
        "I no longer wish to get texts",
        "I don't want to receive messages",
        "why haven't you stopped texting me",
        "why am I still getting these? remove me",
        "I said stop and I'm still getting texts",
        "you stopped texting me and now it starts again. STOP",
        "please make sure I don't get any more texts",
        "no he recibido respuesta, bórrenme de la lista",
        "ya no quiero recibir mensajes",
        "Why did they stop my pay? Stop texting me too",
        "put me back? no thanks, unsubscribe",
        "¿cuándo es la junta? Ya dejen de escribirme",
        "que ya no me lleguen estos textos",
        "no me llegan nunca a tiempo, dejen de mandarme textos",
    ],
)
def test_who_gets_them_and_does_not_want_to_is_let_go(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING).intent is Intent.OUT


@pytest.mark.parametrize(
    "body",
    [
        "please text me at my other number instead 555 0144 this one is for work",
        "No more water, send water",
        "leave me a sign at the front please",
        "cancel my ride request i got one",
        "no texts came to Rosa, can u check her number",
        "no pare, sigue sigue",
        "take us off the livestream please its the parents",
        "no me quería dar de baja",
    ],
)
def test_what_has_an_end_may_be_something_else(body: str) -> None:
    assert read_reply(body).intent not in (Intent.OUT, Intent.ALARM)


@pytest.mark.parametrize("body", ["un subscribe", "opt  out", "Un-subscribe!"])
def test_a_word_of_stopping_is_read_with_a_space_in_it(body: str) -> None:
    assert read_reply(body) == CLEAR


@pytest.mark.parametrize(
    "body", ["🛑", "🛑🛑", "how do I make these stop", "¿cómo le hago para que ya paren?"]
)
def test_a_sign_alone_and_a_question_how_are_obeyed_and_doubted(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == DOUBTED


A_TEXT = (
    "Local 100: picket Tuesday 7:00 am at Elm Street. Coming? Text 1 or 2. HELP for help, STOP ends texts."
)


@pytest.mark.parametrize("question", ANY_QUESTION)
@pytest.mark.parametrize(
    "reaction",
    [
        "Loved “{}”",
        "Laughed at “{}”",
        "Le encantó “{}”",
        "Reacted ❤️ to “{}”",
        "❤️ to “ {} ”",
        "Removed a heart from “{}”",
    ],
)
def test_who_taps_a_sign_on_a_text_of_ours_says_none_of_its_words(
    reaction: str, question: QuestionKind | None
) -> None:
    assert read_reply(reaction.format(A_TEXT), question) == OTHER


@pytest.mark.parametrize(
    ("reaction", "reply"),
    [
        *((one, COMING) for one in ("Liked “{}”", "Le gustó “{}”", "Reacted 👍 to “{}”", "👍🏽 to “ {} ”")),
        *((one, NOT_COMING) for one in ("Disliked “{}”", "No le gustó “{}”", "Reaccionó con 👎 a “{}”")),
    ],
)
def test_a_thumb_on_the_question_answers_it(reaction: str, reply: ParsedReply) -> None:
    assert read_reply(reaction.format(A_TEXT), QuestionKind.COMING) == reply
    assert read_reply(reaction.format(A_TEXT)) == OTHER


# ---- Texts again


@pytest.mark.parametrize("question", ANY_QUESTION)
@pytest.mark.parametrize(
    "body",
    [
        "START por favor",
        "start please",
        "START texting me again",
        "start texts",
        "Start!",
        "sorry start again",
        "I didn't mean stop, start",
        "unstop please",
        "please start sending me messages again",
        "no no I want the texts",
        "quiero recibir mensajes",
        "ALTA otra vez por favor",
    ],
)
def test_who_wants_texts_again_gets_them(body: str, question: QuestionKind | None) -> None:
    assert read_reply(body, question) == AGAIN


@pytest.mark.parametrize(
    "body",
    [
        "no quiero recibir mensajes",
        "start the picket without me",
        "does it start at 7",
        "don't start texting me again",
        "what time do we start",
        "I want you to stop the texts",
        "yes",
        "I do not want the texts",
    ],
)
def test_what_only_sounds_like_it_lifts_no_stop(body: str) -> None:
    assert read_reply(body).intent is not Intent.IN


# ---- Danger


@pytest.mark.parametrize(
    "body",
    [
        "help!!!!!",
        "AYUDA!!!!",
        "help 🆘",
        "HELP 🚑",
        "ayuda!!",
        "HELP we need water",
        "AYUDA en la puerta 2",
        "where's the police",
        "donde esta la ambulancia",
    ],
)
def test_a_shout_for_help_is_no_question_what_this_is(body: str) -> None:
    assert read_reply(body) == ALARM


@pytest.mark.parametrize("body", ["help", "HELP", "Help.", "help?", "AYUDA", "ayuda.", "INFO!!"])
def test_the_bare_word_asks_what_this_is(body: str) -> None:
    assert read_reply(body) == ParsedReply(Intent.HELP)


@pytest.mark.parametrize("body", ["HELP with the app", "AYUDA CON EL CODIGO"])
def test_help_with_something_is_no_emergency(body: str) -> None:
    assert read_reply(body).intent is not Intent.ALARM


@pytest.mark.parametrize(
    ("harmless", "dangerous"),
    [
        ("ice on the sidewalk be careful", "ICE on the sidewalk, they are taking people"),
        ("the news van is here", "a van is here and men in masks are getting out"),
        ("immigration workshop is when", "immigration is at the door of the workshop"),
        ("knife is dull bring a better one for the bagels", "he has a knife by the bagels"),
        ("my car got towed", "my car got hit and I'm bleeding"),
        (
            "End of the line is at 5th and Oak, come there",
            "end of the line got hit by a truck at 5th and Oak",
        ),
        ("quit is not in our vocabulary", "quit hitting him somebody help"),
        ("at gate 1 now", "at gate 1 now they are hitting people"),
    ],
)
@pytest.mark.parametrize("question", [None, QuestionKind.COMING])
def test_the_same_words_are_dangerous_or_not(
    harmless: str, dangerous: str, question: QuestionKind | None
) -> None:
    assert read_reply(harmless, question).intent is not Intent.ALARM
    assert read_reply(dangerous, question) == ALARM


# ---- Coming or not


@pytest.mark.parametrize(
    "body",
    [
        "👍",
        "👍🏽",
        "✅",
        "Ok",
        "okay",
        "k",
        "sale",
        "va",
        "Dale",
        "100%",
        "100 %",
        "cien por ciento",
        "Y",
        "y!",
        "💯",
    ],
)
def test_people_say_yes_in_one_sign(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == COMING


@pytest.mark.parametrize("body", ["👎", "❌", "N", "n.", "im out", "I'm out", "ahora no se puede", "nel"])
def test_people_say_no_in_one_sign(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == NOT_COMING


@pytest.mark.parametrize("body", ["👍", "Ok", "sale", "100%", "👎", "N", "50%"])
def test_where_nothing_was_asked_they_answer_nothing(body: str) -> None:
    assert read_reply(body) == OTHER


@pytest.mark.parametrize(
    "body",
    [
        "Yes. Do I bring my own sign?",
        "Yes! Can I bring my daughter?",
        "yes but what time does it start",
        "Si ahi estare pero donde me estaciono?",
        "si voy, a que hora empieza",
        "yes but is the carpool still happening",
        "count me in, which gate?",
        "Yes I'll be there. Also my address changed",
        "1, donde es?",
        "me but not my wife",
        "yo sí pero mi esposa no",
    ],
)
def test_a_yes_with_a_question_is_both(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == ParsedReply(Intent.COMING, ASKS)


@pytest.mark.parametrize(
    "body",
    [
        "No voy, ¿me van a descontar?",
        "no but can I come in the afternoon",
        "2 do I need to call in sick",
        "no, who do I tell?",
        "cant make it, will I get in trouble?",
        "no puedo mañana, pero puedo el viernes?",
    ],
)
def test_a_no_with_a_question_is_both(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == ParsedReply(Intent.NOT_COMING, ASKS)


@pytest.mark.parametrize(
    "body",
    [
        "can i come even if im a sub",
        "yes? no? ask me tomorrow",
        "1 or 2?",
        "1 if I can get a sitter",
        "si llueve se cancela?",
        "do I have to come?",
    ],
)
def test_a_question_alone_is_no_answer(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == OTHER


@pytest.mark.parametrize("body", ["Yes I'll be there", "si voy", "2, my kid is sick", "No puedo, tengo cita"])
def test_an_answer_alone_asks_nothing(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING).value is None


def test_who_is_the_question_what_this_is() -> None:
    assert read_reply("who?") == read_reply("¿quién?") == ParsedReply(Intent.WHO)


# ---- Here


@pytest.mark.parametrize("question", ANY_QUESTION)
@pytest.mark.parametrize(
    "body",
    [
        "50632 here",
        "50632 aqui",
        "50632 I'm here",
        "506 32",
        "506-32",
        "Here 506-32",
        "cinco cero seis tres dos",
        "here five oh six three two",
        "aqui cinco cero seis tres dos",
        "here 50632 50632",
        "here 50632 and 2 friends",
        "good morning, 50632 here at gate 2",
    ],
)
def test_a_code_is_read_wherever_it_stands(body: str, question: QuestionKind | None) -> None:
    assert read_reply(body, question) == ParsedReply(Intent.HERE, "50632")


@pytest.mark.parametrize("body", ["at gate 1 now", "ya en la puerta", "check me in please", "check in"])
def test_who_is_at_the_gate_is_here(body: str) -> None:
    assert read_reply(body, QuestionKind.COMING) == ParsedReply(Intent.HERE)


@pytest.mark.parametrize(
    "body", ["20 here, 12 there", "10 12 9", "45-50", "90-110", "aqui 24", "12345 people"]
)
def test_a_chairs_figures_stay_figures(body: str) -> None:
    assert read_reply(body, QuestionKind.HEAD_COUNT).intent is not Intent.HERE


# ---- Counts


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("13 here 2 at dentist", "13"),
        ("28, 3 out sick", "28"),
        ("27 y faltan 3", "27"),
        ("32 each gate, two gates", "64"),
        ("20 por puerta y son dos puertas", "40"),
        ("23 plus me is 23", "23"),
        ("30 something", "30"),
        ("treinta y tantos", "30"),
        ("29 of 31", "29"),
        ("44 out of 50 members", "44"),
        ("35 de los 40 maestros", "35"),
        ("Count is 44 now up from 38", "44"),
        ("thirty 6", "36"),
        ("thirtyeight", "38"),
        ("eightteen", "18"),
        ("fourty? no 14", "14"),
        ("sixty-ish", "60"),
        ("72 ppl 3 dogs 1 mariachi", "72"),
        ("sixty", "60"),
    ],
)
def test_a_count_said_plainly_is_not_asked_again(body: str, value: str) -> None:
    assert read_reply(body, QuestionKind.HEAD_COUNT) == ParsedReply(Intent.NUMBER, value)


@pytest.mark.parametrize("body", ["100% here", "50-40", "378-06", "We're done at gate 2 heading home"])
def test_what_is_no_range_and_no_figure_is_no_count(body: str) -> None:
    assert read_reply(body, QuestionKind.HEAD_COUNT).intent is not Intent.NUMBER
