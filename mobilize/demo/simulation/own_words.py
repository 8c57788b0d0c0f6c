"""Texts of invented members and chairs in their own words: English, Spanish and both, mistyped and dictated.

Who writes what, and when, follows from the seed. Nobody writes twice, and nobody here exists.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mobilize.demo.simulation.plan import (
    FIRST_MINUTE,
    LAST_MINUTE,
    PlannedStep,
    SimulatedEvent,
    SimulatedPerson,
    StepKind,
)

# So many of each, to the question whether they come, and without one.
REPLIES = (
    (6, ("Yes I'll be there", "yep count me in!!", "si ahi estare, llevo café", "Sí voy but running late",
         "claro que sí, cuenten conmigo", "1 coming w my sister", "simon, alli nos vemos", "im in 💪🏽",
         "si dios quiere ahi estoy", "yes yes see u there")),
    (5, ("2, my kid is sick", "No puedo, tengo cita con el doctor", "cant make it sorry",
         "Not coming I'm on leave", "no sorry no tengo quien cuide al niño", "nope, working at my other job",
         "hoy no puedo, next time", "ay no, se me complico")),
    (2, ("maybe, depende de mi esposo", "Can I bring my kids?", "is there parking??", "quizas, not sure")),
)  # fmt: skip
TEXTS = (
    (2, ("ya no me mandes textos porfa", "pls stop txting me gracias", "Quítame de la lista",
         "Please remove my number, ya me jubilé")),
    (1, ("enough already",)),
    (2, ("No quiero más recortes, cuenten conmigo", "Don't stop texting us, we need this",
         "Que dejen de recortar nuestras escuelas!! ahí estaremos", "Can you please stop by room 12?")),
    (1, ("ICE is outside the school, ayuda", "un carro se metio a la linea, hay heridos!!",
         "somebody fainted at the gate llamen a alguien")),
    (1, ("wrong number, este no es de Maria", "Numero equivocado, yo no soy maestra")),
    (1, ("HERE", "ya estoy aqui")),
    (1, ("gracias por todo, si se puede!! ✊🏽", "so proud of yall, see u tmrw")),
)  # fmt: skip
CHECK_INS = ("aqui estoy {code}", "Here {spaced}", "hear {code}", "ya llegue, {code}", "im here {code} !!")
STRANGERS = ("hola is this the union? my cousin gave me this #", "which school is this for")
STRANGER = "+1213555{:04d}"
# What a chair says for a count of n; each for every n, but the round ones, which are said of about so many.
COUNTS = (
    "We're {n}", "somos {n} ahorita", "we have {n} people out here", "{n} teachers, {few} parents",
    "{part} at gate A and {rest} at gate B", "ahorita {n} y {few} papás", "tenemos {wrong} no wait {n}",
)  # fmt: skip
ROUND = {12: "a dozen", 20: "veinte", 24: "dos docenas", 30: "treinta", 36: "three dozen", 45: "forty five"}
ABOUT = 2
SHARE_IN_WORDS, SHARE_ROUND = 0.6, 0.4
MOST_REPLIES = sum(n for n, _ in REPLIES)


def in_own_words(
    steps: Sequence[PlannedStep],
    events: Sequence[SimulatedEvent],
    askable: Sequence[SimulatedPerson],
    seed: int,
) -> list[PlannedStep]:
    """The steps of a morning in order, with chairs who answer in words, and with texts of members beside
    them. `askable` are members who were asked by text whether they come, or will be."""
    rng = random.Random(f"own words {seed}")  # noqa: S311 - figures of a demo
    worded = [_count_in_words(rng, step) if step.kind is StepKind.ANSWER else step for step in steps]
    free = _Free(rng, events)
    return sorted([*worded, *_replies(rng, free, askable), *_texts(rng, free, events)])


class _Free:
    """Members with a phone who have not written yet, each given out once."""

    def __init__(self, rng: random.Random, events: Sequence[SimulatedEvent]):
        chairs = {event.chair for event in events}
        by_phone = {
            member.phone: (index, member)
            for index, event in enumerate(events)
            for member in event.members
            if member.phone and member.phone not in chairs and not event.is_rally
        }
        self.members = list(by_phone.values())
        rng.shuffle(self.members)

    def take(self, n: int) -> list[tuple[int, SimulatedPerson]]:
        """The next `n`, each with the index of their event; fewer when there are no more."""
        taken, self.members = self.members[:n], self.members[n:]
        return taken

    def reserve(self, phones: set[str]) -> None:
        self.members = [(index, member) for index, member in self.members if member.phone not in phones]


def _replies(rng: random.Random, free: _Free, askable: Sequence[SimulatedPerson]) -> Iterator[PlannedStep]:
    chosen = [body for n, bodies in REPLIES for body in rng.sample(bodies, n)]
    people = rng.sample(list(askable), min(len(chosen), len(askable)))
    free.reserve({person.phone for person in people})
    for person, body in zip(people, chosen, strict=False):
        yield PlannedStep(_minute(rng), 0, StepKind.REPLY, person, body=body)


def _texts(rng: random.Random, free: _Free, events: Sequence[SimulatedEvent]) -> Iterator[PlannedStep]:
    chosen = [body for n, bodies in TEXTS for body in rng.sample(bodies, n)]
    chosen += rng.sample(CHECK_INS, len(CHECK_INS))
    for (index, member), body in zip(free.take(len(chosen)), chosen, strict=False):
        code = events[index].text_code
        filled = body.format(code=code, spaced=" ".join(code)) if "{" in body else body
        yield PlannedStep(_minute(rng), index, StepKind.SAY, member, body=filled)
    stranger = SimulatedPerson("", "", STRANGER.format(rng.randint(200, 9999)))
    yield PlannedStep(_minute(rng), 0, StepKind.SAY, stranger, body=rng.choice(STRANGERS))


def _minute(rng: random.Random) -> float:
    return rng.uniform(FIRST_MINUTE + 5, LAST_MINUTE - 15)


def _count_in_words(rng: random.Random, step: PlannedStep) -> PlannedStep:
    if step.n < 4 or rng.random() > SHARE_IN_WORDS:
        return step
    near = [words for n, words in ROUND.items() if abs(n - step.n) <= ABOUT]
    part, few = step.n * 3 // 5, rng.randint(2, 6)
    filled = rng.choice(COUNTS).format(
        n=step.n, few=few, part=part, rest=step.n - part, wrong=step.n - rng.randint(1, 3)
    )
    return replace(step, body=near[0] if near and rng.random() < SHARE_ROUND else filled)
