"""Names of things that are kept, in plain words."""

from mobilize.languages import _


def table_words(table: str) -> str:
    """What the rows of a table are, for a person; the table's own name where there are no words yet."""
    words = {
        "members": _("On the roster"),
        "memberships": _("Chapters she belonged to"),
        "status_spans": _("Her status, and since when"),
        "staged_members": _("Waiting or undoable roster imports"),
        "phone_rules": _("What this phone asked us about texts"),
        "attendance": _("Counted at a line"),
        "evidence": _("How she was counted"),
        "eligible": _("In the denominator of an action"),
        "matches": _("Matched to her by a person"),
        "walkups": _("Typed at a line, and matched nobody"),
        "known_phones": _("Typed before on a phone that is remembered"),
        "replies": _("Coming, or not coming"),
        "outbox": _("Texts to her"),
        "inbound": _("Texts from her"),
        "questions": _("What she was asked by text"),
        "people": _("Her account"),
        "roles": _("Her roles"),
        "sessions": _("Browsers signed in"),
        "one_time_links": _("Sign-in links made for her"),
        "code_requests": _("Codes asked for"),
        "visits": _("Visits to the member's page"),
        "line_grants": _("Line pages she held"),
        "head_counts": _("Head counts she reported"),
        "supporters": _("Supporters she counted"),
        "audit": _("In the audit log, by id"),
        "exports": _("Files she exported"),
    }
    return words.get(table, table)
