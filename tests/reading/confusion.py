"""How sentences are read, by what they say."""

from collections import Counter
from typing import Any

from mobilize.texts.models import Intent, QuestionKind
from mobilize.texts.receiving.replies import ASKS, DOUBTFUL, STOPS, ParsedReply, read_reply


def reply_to(sentence: dict[str, Any]) -> ParsedReply:
    """What a sentence is read as when the question is open that its sender was asked."""
    question = QuestionKind.HEAD_COUNT if sentence["from"] == "chair" else QuestionKind.COMING
    return read_reply(sentence["text"], question)


def intent_of(sentence: dict[str, Any]) -> str:
    """Its intent. A doubtful wish to stop is one of its own, and so are an emergency with a wish to stop, and
    an answer with a question, which waits for a person as well."""
    reply = reply_to(sentence)
    if reply.value == ASKS:
        return f"{reply.intent.value} and asks"
    if reply.intent is Intent.ALARM and reply.value == STOPS:
        return "alarm and out"
    return DOUBTFUL if reply.value == DOUBTFUL else reply.intent.value


def table(read: Counter[tuple[str, str]]) -> str:
    """The counts as a table: a line for each label, a column for each intent."""
    intents = sorted({intent for _label, intent in read})
    lines = [["said", *intents], ["---"] * (len(intents) + 1)]
    for label in sorted({label for label, _intent in read}):
        lines.append([label, *(str(read[label, intent] or "") for intent in intents)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
