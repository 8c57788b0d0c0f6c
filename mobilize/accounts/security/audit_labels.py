"""Labels for the audit page: the words for each verb, and the names of the rows that ids refer to."""

import re
import uuid
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from sqlalchemy import select

from mobilize import settings
from mobilize.accounts.approvals.models import Approval
from mobilize.accounts.higher_rooms import higher_rooms
from mobilize.accounts.models import AuthenticatorApp, ChairChange, LineGrant, Passkey, Person, RoleTerm
from mobilize.accounts.tokens.models import ApiToken
from mobilize.database import db
from mobilize.languages import _, language, say_date
from mobilize.roster.models import Area, Import, Member, Site
from mobilize.texts.models import Inbound, OutboxText


def names_of(actors: Iterable[str]) -> dict[str, str]:
    """Each actor of the audit with a name to print."""
    fixed = {"": "", "shell": _("somebody at the server's shell"), "worker": _("the service itself")}
    fixed |= {"member": _("a member, on their own page"), "nobody": _("somebody not signed in")}
    names = ids_in_words(actors)
    return {actor: fixed.get(actor) or names.get(actor.partition(":")[2], actor) for actor in actors}


def find_people(typed: str) -> list[tuple[uuid.UUID, str]]:
    """(id, name) of those who sign in and whose name has every word that was typed."""
    words = typed.casefold().split()
    if not words:
        return []
    people = ((person.id, str(person.name)) for person in db.session.scalars(select(Person)))
    return sorted(
        (pair for pair in people if all(w in pair[1].casefold() for w in words)), key=lambda p: p[1]
    )


def in_words(verb: str) -> str:
    """The words for a verb of the audit, or for the verb above it; "" when there are none."""
    words = _verb_words()
    while verb not in words and "." in verb:
        verb = verb.rpartition(".")[0]
    return words.get(verb, "")


def _verb_words() -> dict[str, str]:
    return {
        "action.call_off": _("called off an action"),
        "action.create": _("made an action"),
        "action.hide_lines": _("took the lines of an action off the public page"),
        "action.photos": _("allowed photos from the lines of an action"),
        "action.photos.off": _("turned photos off for an action"),
        "action.show_lines": _("put the lines of an action on the public page"),
        "action.forget": _("forgot who came to an action"),
        "app.add": _("set up an app with six digits"),
        "app.remove": _("removed an app with six digits"),
        "area.add": _("added an area"),
        "approval.approve": _("agreed, as the second person"),
        "approval.approve.alone": _("confirmed again, as the only admin"),
        "approval.ask": _("asked for a second person"),
        "approval.decline": _("declined, as the second person"),
        "approval.use": _("did what a second person had agreed to"),
        "audit.see": _("looked at the audit"),
        "backup.go_on": _("let texts go out after a restore without the log or the journal"),
        "backup.restore": _("restored a backup"),
        "broadcast.call_back": _("stopped a text to many"),
        "broadcast.send": _("sent a text to many"),
        "call": _("called a silent site, and noted the result"),
        "calendar.end": _("ended the addresses of their calendars"),
        "campaign": _("wrote a campaign"),
        "chairs.change": _("carried out a list of chairs"),
        "chairs.read": _("uploaded a list of chairs"),
        "chapter.see": _("saw the names of a chapter"),
        "count.enter": _("entered a head count at the desk"),
        "count.leave": _("left out a count that was kept for a person"),
        "count.take": _("counted in a count that was kept for a person"),
        "duty.leave": _("went off duty for the inbox"),
        "duty.take": _("went on duty for the inbox"),
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
        "inbox.see": _("read what members texted"),
        "inbox.read": _("corrected how a text was read"),
        "inbox.read.stop": _("stopped texts to somebody who wrote"),
        "member.take_phone_off": _("took a wrong number away from a member"),
        "webhook.make": _("made a webhook"),
        "webhook.secret": _("changed the secret of a webhook"),
        "webhook.on": _("switched a webhook on"),
        "webhook.off": _("switched a webhook off"),
        "webhook.remove": _("removed a webhook"),
        "webhook.test": _("sent a test to a webhook"),
        "webhook.names": _("let a webhook have names"),
        "webhook.names.off": _("let a webhook have no names any more"),
        "webhook.replay": _("sent deliveries of a webhook again"),
        "wrong_number.give_back": _("gave a number back to its member"),
        "wrong_number.leave": _("left a member without their wrong number"),
        "wrong_numbers.see": _("looked at wrong numbers"),
        "hours.say": _("said when somebody came or left, and what they did"),
        "hours.see": _("saw who was on duty, and for how long"),
        "how_often.see": _("saw how often each member of a chapter was seen"),
        "import.columns": _("said what is in the columns of a roster"),
        "import.commit": _("imported a file"),
        "import.places": _("said which sites a roster's unknown places are"),
        "import.refused_lines": _("downloaded the lines of a file that were refused"),
        "import.undo": _("undid an import"),
        "inbox.answer": _("answered a text that came in"),
        "inbox.done": _("set aside a text that came in"),
        "journal.replay": _("replayed the journal after a restore"),
        "keys.rotate": _("encrypted everything with the newest key"),
        "line.see": _("opened the line page, with its names"),
        "link.make": _("made a one-time link"),
        "link.stop": _("stopped a one-time link"),
        "live.go": _("made the service live: texts reach everybody"),
        "match.not_ours": _("said that a check-in is not ours"),
        "match.reopen": _("put a check-in back on the list"),
        "match.tie": _("said whose a check-in is"),
        "member.add": _("added a member"),
        "member.correct": _("corrected a member"),
        "member.end_links": _("ended a member's own check-in links"),
        "member.erase": _("erased a member"),
        "member.language": _("chose a language, on their own page"),
        "member.merge": _("merged two entries of a member"),
        "member.see": _("opened a member's page, with their phone"),
        "member.texts.start": _("asked for texts again, on their own page"),
        "member.texts.stop": _("stopped texts, on their own page"),
        "member.transfer": _("moved a member to another chapter"),
        "member.urgent.no": _("took back urgent texts, on their own page"),
        "member.urgent.yes": _("agreed to urgent texts, on their own page"),
        "member_page.open": _("opened their own page with a code"),
        "members.find": _("searched for members"),
        "names.export": _("downloaded a list with names"),
        "new_number.leave": _("did not accept a new number given at a line"),
        "new_number.take": _("accepted a new number given at a line"),
        "new_numbers.see": _("saw the new numbers given at a line"),
        "passkey.add": _("set up a passkey"),
        "passkey.remove": _("removed a passkey"),
        "person.number": _("changed the number somebody signs in with"),
        "people.see": _("saw who may sign in"),
        "photo.delete": _("deleted a photo from the line"),
        "photo.see": _("looked at a photo from the line"),
        "provider.begin": _("began to link an account at the identity provider"),
        "provider.link": _("linked their account at the identity provider"),
        "provider.unlink": _("unlinked their account at the identity provider"),
        "recovery_codes.make": _("made recovery codes"),
        "reminder": _("switched a reminder"),
        "report.make": _("put a report together again"),
        "report.see": _("read a chapter report, with its names"),
        "role.dates": _("changed the days of a role"),
        "role.end": _("ended a role"),
        "role.end.cause": _("ended a role for cause"),
        "role.give": _("gave a role"),
        # The verbs keep the name under which they were written down.
        "second_step": _("passed the second step"),
        "second_step.forget": _(
            "took somebody's passkey, app and recovery codes away, so that they set them up again"
        ),
        "second_step.recovery": _("used a recovery code as the second step"),
        "session.end": _("signed out a session"),
        "sheet.print": _("printed a sign-in sheet, with names"),
        "sign_in": _("signed in"),
        "sign_out": _("signed out"),
        "site.gates": _("named the gates of a site"),
        "setting.change": _("changed one of the union's settings"),
        "setup.drill": _("drilled the installation"),
        "setup.link": _("made the address for the first admin"),
        "statement": _("prepared or published a number for the press"),
        "statement.close": _("closed a statement's public link"),
        "statement.open": _("opened a statement to everybody"),
        "statement.publish": _("signed and published a statement"),
        "step_up": _("confirmed again who they are"),
        "texts.hold": _("stopped texts"),
        "texts.release": _("let texts go on"),
        "token.make": _("made a token for a program"),
        "token.revoke": _("revoked a program's token"),
        "token.show": _("was shown a program's token"),
        "token.prepare": _("prepared something for a person, as a program"),
        "token.read": _("read names, as a program"),
        "unmatched.see": _("saw what is not matched yet"),
        "void": _("undid a check-in"),
    }


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
Labels = Iterator[tuple[uuid.UUID, str]]


def ids_in_words(texts: Iterable[str]) -> dict[str, str]:
    """The label of every id that stands in these texts. Ids of deleted rows are left out."""
    ids = {uuid.UUID(match) for text in texts for match in _UUID.findall(text)}
    if not ids:
        return {}
    labels = dict[uuid.UUID, str]()
    for model, say in _LABELED_MODELS:
        labels |= {row.id: say(row) for row in db.session.scalars(select(model).where(model.id.in_(ids)))}
    for read in (_role_holders, _dated):
        labels |= dict(read(ids - labels.keys()))
    labels |= higher_rooms().audit_labels(ids - labels.keys())
    return {str(row_id): label for row_id, label in labels.items()}


def _member(row: Member) -> str:
    return row.person.full or _("an erased member")


def _name(row: Any) -> str:
    return str(row.name)


def _grant(row: LineGrant) -> str:
    return _("line page %(label)s", label=row.label or row.kind)


def _token(row: ApiToken) -> str:
    return _("the program “%(label)s”", label=row.label)


def _approval(row: Approval) -> str:
    return row.summary.in_(language()) or _("a request for a second person")


_LABELED_MODELS: tuple[tuple[Any, Callable[[Any], str]], ...] = (
    (Person, _name),
    (Member, _member),
    (Site, _name),
    (Area, _name),
    (LineGrant, _grant),
    (Approval, _approval),
    (Passkey, _name),
    (ApiToken, _token),
)


def _role_holders(ids: set[uuid.UUID]) -> Labels:
    terms = select(RoleTerm.id, Person).join(Person, Person.id == RoleTerm.person_id)
    for term, person in db.session.execute(terms.where(RoleTerm.id.in_(ids))):
        yield term, str(person.name)


def _dated(ids: set[uuid.UUID]) -> Labels:
    """Rows without a name of their own, by their day."""
    words: tuple[tuple[Any, Any, str], ...] = (
        (Import.id, Import.started_at, _("the file imported on %(day)s")),
        (ChairChange.id, ChairChange.made_at, _("the list of chairs of %(day)s")),
        (Inbound.id, Inbound.received_at, _("a text that came in on %(day)s")),
        (OutboxText.id, OutboxText.due_at, _("a text of %(day)s")),
        (AuthenticatorApp.id, AuthenticatorApp.made_at, _("an app set up on %(day)s")),
    )
    zone = settings().union_timezone
    for row_id, moment, label in words:
        for row in db.session.execute(select(row_id, moment).where(row_id.in_(ids))):
            yield row[0], label.replace("%(day)s", say_date(row[1], zone))
