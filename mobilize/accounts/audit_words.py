"""The audit in words: ids become names on an admin's page, and only there."""

import uuid
from collections.abc import Iterable

from sqlalchemy import select

from mobilize.accounts.audit_refs import ids_in_words
from mobilize.accounts.models import Person
from mobilize.database import db
from mobilize.languages import _


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Each actor of the audit with the name a person knows him by."""
    known = {"": "", "shell": _("somebody at the server's shell"), "worker": _("the service itself")}
    known |= {"member": _("a member, on her own page"), "nobody": _("somebody not signed in")}
    names = ids_in_words(actors)
    return {actor: known.get(actor) or names.get(actor.partition(":")[2], actor) for actor in actors}


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


def _verb_words() -> dict[str, str]:
    return {
        "action.call_off": _("called off an action"),
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
        "broadcast.send": _("sent a text to many"),
        "campaign": _("wrote a campaign"),
        "chairs.change": _("carried out a list of chairs"),
        "chairs.read": _("had a list of chairs read"),
        "chapter.see": _("saw the names of a chapter"),
        "count.leave": _("left out a count that was kept for a person"),
        "count.take": _("counted in a count that was kept for a person"),
        "count_question": _("switched the count question"),
        "duty.leave": _("left the duty for the inbox"),
        "duty.take": _("took the duty for the inbox"),
        "event.create": _("made an event"),
        "event.move": _("moved an event"),
        "event.new_code": _("gave the posters of an event a new code"),
        "event.shifts": _("set the shifts of an event"),
        "export": _("exported"),
        "grant.give": _("opened a line page to somebody"),
        "grant.open": _("opened a line page on a phone"),
        "grant.revoke": _("closed a line page to somebody"),
        "hold.place": _("placed a legal hold"),
        "hold.release": _("released a legal hold"),
        "hours.say": _("said when somebody came or left, and what she did"),
        "hours.see": _("saw who was on duty, and for how long"),
        "how_often.see": _("saw who of a chapter was seen how often"),
        "import.commit": _("imported a file"),
        "import.undo": _("undid an import"),
        "inbox.answer": _("answered a text that came in"),
        "inbox.done": _("put a text that came in aside"),
        "keys.rotate": _("encrypted everything with the newest key"),
        "line.see": _("opened the line page, with its names"),
        "link.make": _("made a one-time link"),
        "link.stop": _("stopped a one-time link"),
        "match.not_ours": _("said that a check-in is not ours"),
        "match.reopen": _("put a check-in back on the list"),
        "match.tie": _("said whose a check-in is"),
        "member.add": _("added a member"),
        "member.correct": _("corrected a member"),
        "member.end_links": _("ended a member's own check-in links"),
        "member.erase": _("erased a member"),
        "member.language": _("chose a language, on her own page"),
        "member.merge": _("merged two entries of a member"),
        "member.see": _("opened a member's page, with her phone"),
        "member.texts.start": _("asked for texts again, on her own page"),
        "member.texts.stop": _("stopped texts, on her own page"),
        "member.transfer": _("moved a member to another chapter"),
        "member.urgent.no": _("took back urgent texts, on her own page"),
        "member.urgent.yes": _("agreed to urgent texts, on her own page"),
        "member_page.open": _("opened her own page with a code"),
        "members.find": _("searched for members"),
        "names.export": _("downloaded a list with names"),
        "new_number.leave": _("left a new number that was told at a line"),
        "new_number.take": _("took a new number that was told at a line"),
        "new_numbers.see": _("saw the new numbers told at a line"),
        "passkey.add": _("set up a passkey"),
        "passkey.remove": _("removed a passkey"),
        "person.number": _("changed the number somebody signs in with"),
        "people.see": _("saw who may sign in"),
        "recovery_codes.make": _("made recovery codes"),
        "reminder": _("switched a reminder"),
        "report.make": _("had a report put together again"),
        "report.see": _("read a chapter report, with its names"),
        "role.dates": _("changed the days of a role"),
        "role.end": _("ended a role"),
        "role.end.cause": _("ended a role for cause"),
        "role.give": _("gave a role"),
        "second_step": _("passed the second step"),
        "second_step.forget": _(
            "took somebody's passkey, app and recovery codes away, so that she sets them up again"
        ),
        "second_step.recovery": _("used a recovery code as the second step"),
        "session.end": _("signed out a session"),
        "sheet.print": _("printed a sign-in sheet, with names"),
        "sign_in": _("signed in"),
        "sign_out": _("signed out"),
        "site.gates": _("named the gates of a site"),
        "statement": _("prepared or published a number for the press"),
        "statement.close": _("closed a statement's public link"),
        "statement.open": _("opened a statement to everybody"),
        "statement.publish": _("signed and published a statement"),
        "step_up": _("confirmed again who she is"),
        "texts.hold": _("stopped texts"),
        "texts.release": _("let texts go on"),
        "unmatched.see": _("saw what counted for nobody yet"),
        "void": _("took back a check-in"),
    }
