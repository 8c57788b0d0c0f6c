"""Ada reads the audit: every operation has words, and every thing a name instead of an id."""

import re
from pathlib import Path

from flask import Flask

import mobilize
from mobilize import clock
from mobilize.accounts.approvals.operations import ApprovalKind, request_approval
from mobilize.accounts.models import ChairChange, RoleName
from mobilize.accounts.security.audit_labels import ids_in_words, in_words
from mobilize.audit import note
from mobilize.checkins.models import Method
from mobilize.checkins.record.decision import CheckInRequest
from mobilize.checkins.record.identifiers import Identifier
from mobilize.checkins.record.operations import check_in
from mobilize.database import atomic, db
from mobilize.languages import Translated
from mobilize.privacy.models import Export, ExportFormat, ExportKind
from mobilize.privacy.retention.legal_holds import place_hold
from mobilize.roster.models import Import, ImportState
from tests.builders import make_action, make_event, make_person, make_site, sign_in
from tests.services.client import Client

_NOTED = re.compile(r'\bnote\(\s*[^,]+(?:\([^)]*\))?[^,]*,\s*f?"([a-z_.{}]+[^"]*)"')


def verbs() -> set[str]:
    """Every verb that is noted anywhere, up to what is filled in."""
    sources = Path(mobilize.__file__).parent.rglob("*.py")
    result = (verb for path in sources for verb in _NOTED.findall(path.read_text(encoding="utf-8")))
    return {verb.partition("{")[0].rstrip(".") for verb in result} - {""}


def has_words(verb: str) -> bool:
    """Whether a verb has words; where its end is filled in, each filling may have words of its own."""
    return any(in_words(text) for text in (verb, f"{verb}.yes", f"{verb}.stop", f"{verb}.take"))


def test_every_deed_has_words(sqlite_app: Flask) -> None:
    assert len(verbs()) > 45
    assert [verb for verb in sorted(verbs()) if not has_words(verb)] == []


def test_what_a_deed_is_about_has_a_name(app: Flask, client: Client) -> None:
    now = clock.now()
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    action = make_action(name=Translated(en="Evening picket"), starts_at=now, ends_at=now)
    event = make_event(make_site("Lincoln"), action=action)
    held = place_hold(action.id, "A lawsuit", by="shell", now=now)
    approval = request_approval(
        ApprovalKind.IMPORT, "x", Translated(en="Import 12 changes"), by="shell", now=now
    )
    brought = Import(
        kind="roster", sha256=b"1", state=ImportState.COMMITTED, summary={}, by="shell", started_at=now
    )
    export = Export(action_id=action.id, person_id=ada.id, kind=ExportKind.COUNTS, format=ExportFormat.CSV)
    export.made_at = export.expires_at = now
    change = ChairChange(rows="{}", from_on=now.date(), plan_digest=b"", made_by="shell", made_at=now)
    with atomic() as session:
        session.add_all([brought, export, change])
    proof = CheckInRequest(
        event_id=event.id, nonce=b"1" * 16, body=b"x", method=Method.POSTER,
        typed=Identifier("number", "00009999"), happened_at=now,
    )  # fmt: skip
    came = check_in(proof, now=now)
    db.session.rollback()  # stored on a connection of its own
    called = {
        ada.id: "Ada Stone",
        action.id: "Evening picket",
        event.id: "Lincoln",
        held.id: "a hold on Evening picket",
        approval.id: "Import 12 changes",
        export.id: "a file of Evening picket",
        came.evidence_id: "a check-in at Lincoln",
    }
    lines = ids_in_words([str(one) for one in (*called, brought.id, change.id)])
    assert {one: lines[str(one)] for one in called} == called
    assert lines[str(brought.id)].startswith("the file imported on ")
    assert lines[str(change.id)].startswith("the list of chairs of ")

    note("shell", "import.commit", brought.id, now=now)
    sign_in(client, ada)
    page = client.get("/audit").text
    assert "the file imported on" in page and str(brought.id)[-12:] not in page
