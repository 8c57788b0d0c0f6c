"""The audit in words: ids become names on an admin's page, and only there."""

import re
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import select

from mobilize.accounts.models import LineGrant, Person, RoleTerm
from mobilize.database import Model, db
from mobilize.languages import _
from mobilize.roster.models import Area, Member, Site

_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Each actor of the audit with the name a person knows him by."""
    known = {"": "", "shell": _("somebody at the server's shell"), "worker": _("the service itself")}
    known |= {"member": _("a member, on her own page"), "nobody": _("somebody not signed in")}
    names = ids_in_words(actors)
    return {actor: known.get(actor) or names.get(actor.partition(":")[2], actor) for actor in actors}


def ids_in_words(texts: Iterable[str]) -> dict[str, str]:
    """Every id that stands in these texts -> what it is called. Ids of what is gone are not in the answer."""
    ids = {uuid.UUID(found) for said in texts for found in _UUID.findall(said)}
    if not ids:
        return {}
    called: dict[uuid.UUID, str] = {}
    named: tuple[tuple[Any, Callable[[Any], str]], ...] = (
        (Person, _person),
        (Member, _member),
        (Site, _name),
        (Area, _name),
        (LineGrant, _grant),
    )
    for model, say in named:
        called |= {row.id: say(row) for row in db.session.scalars(select(model).where(model.id.in_(ids)))}
    called |= _role_holders(ids) | _happenings(ids)
    return {str(found): words for found, words in called.items()}


def find_people(typed: str) -> list[tuple[uuid.UUID, str]]:
    """(id, name) of those who sign in and whose name has every word that was typed."""
    words = typed.casefold().split()
    if not words:
        return []
    found = ((person.id, str(person.name)) for person in db.session.scalars(select(Person)))
    return sorted((pair for pair in found if all(w in pair[1].casefold() for w in words)), key=lambda p: p[1])


def in_words(verb: str) -> str:
    """What was done, as a person says it; a verb without words stands as it is."""
    words = _verb_words()
    while verb not in words and "." in verb:
        verb = verb.rpartition(".")[0]
    return words.get(verb, "")


def _person(row: Person) -> str:
    return str(row.name)


def _member(row: Member) -> str:
    return row.person.full or _("an erased member")


def _name(row: Any) -> str:
    return str(row.name)


def _grant(row: LineGrant) -> str:
    return _("line page %(label)s", label=row.label or row.kind)


def _role_holders(ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    terms = select(RoleTerm.id, Person).join(Person, Person.id == RoleTerm.person_id)
    return {term: str(person.name) for term, person in db.session.execute(terms.where(RoleTerm.id.in_(ids)))}


def _happenings(ids: set[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Actions and events, which this room does not know as models: by their tables."""
    actions, events = Model.metadata.tables["actions"], Model.metadata.tables["events"]
    named = select(actions.c.id, actions.c.name_en).where(actions.c.id.in_(ids))
    held = select(events.c.id, Site.name).join(Site, Site.id == events.c.site_id).where(events.c.id.in_(ids))
    return {row[0]: row[1] for query in (named, held) for row in db.session.execute(query)}


def _verb_words() -> dict[str, str]:
    return {
        "action.create": _("made an action"),
        "action.forget": _("forgot who came to an action"),
        "app.add": _("set up an app with six digits"),
        "app.remove": _("removed an app with six digits"),
        "approval.approve": _("agreed, as the second person"),
        "approval.approve.alone": _("confirmed again, as the only admin"),
        "approval.ask": _("asked for a second person"),
        "approval.decline": _("declined, as the second person"),
        "approval.use": _("did what a second person had agreed to"),
        "audit.see": _("looked at the audit"),
        "campaign": _("wrote a campaign"),
        "chairs.change": _("carried out a list of chairs"),
        "chairs.read": _("had a list of chairs read"),
        "chapter.see": _("saw the names of a chapter"),
        "count_question": _("switched the count question"),
        "event.create": _("made an event"),
        "event.move": _("moved an event"),
        "export": _("exported"),
        "grant.give": _("opened a line page to somebody"),
        "grant.revoke": _("closed a line page to somebody"),
        "hold.place": _("placed a legal hold"),
        "hold.release": _("released a legal hold"),
        "import.commit": _("imported a file"),
        "import.undo": _("undid an import"),
        "keys.rotate": _("sealed everything with the newest key"),
        "line.see": _("opened the line page, with its names"),
        "link.make": _("made a one-time link"),
        "member.add": _("added a member"),
        "member.correct": _("corrected a member"),
        "member.erase": _("erased a member"),
        "member.merge": _("merged two entries of a member"),
        "member.see": _("opened a member's page, with her phone"),
        "member.transfer": _("moved a member to another chapter"),
        "members.find": _("searched for members"),
        "names.export": _("downloaded a list with names"),
        "passkey.add": _("set up a passkey"),
        "passkey.remove": _("removed a passkey"),
        "people.see": _("saw who may sign in"),
        "recovery_codes.make": _("made recovery codes"),
        "reminder": _("switched a reminder"),
        "report.see": _("read a chapter report, with its names"),
        "role.dates": _("changed the days of a role"),
        "role.end": _("ended a role"),
        "role.give": _("gave a role"),
        "second_step": _("gave the second step"),
        "second_step.forget": _("let somebody start anew, without passkey and codes"),
        "second_step.recovery": _("gave a recovery code as the second step"),
        "session.end": _("signed out a session"),
        "sign_in": _("signed in"),
        "sign_out": _("signed out"),
        "sheet.print": _("printed a sign-in sheet, with names"),
        "step_up": _("showed once more who she is"),
        "void": _("took back a check-in"),
    }
