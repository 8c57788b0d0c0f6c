"""Names of things that are kept, in plain words."""

from mobilize.languages import LANGUAGES, _, in_language
from mobilize.texts.consents import version


def asked_on_page() -> dict[str, str]:
    """What stands beside each button of the member's page by which she agrees, or takes it back."""
    return {
        "urgent_yes": _(
            "We text between 9 am and 8 pm. May we text you at another hour when it is urgent, for example "
            "when a picket moves at 5 am?"
        ),
        "urgent_no": _("You agreed to urgent texts at any hour, for example when a picket moves at 5 am."),
        "texts_start": _(
            "You get no texts from us. If you stopped them by text, text START as well: your carrier stopped "
            "them too."
        ),
        "texts_stop": _("Stopping is for good, until you say otherwise. It holds for this phone."),
    }


def version_on_page(button: str) -> str:
    """The version of those words, in all languages together, for what is written down of her consent."""
    words = []
    for language in LANGUAGES:
        with in_language(language):
            words.append(asked_on_page()[button])
    return version(f"page_{button}", words)


def table_words(table: str) -> str:
    """What the rows of a table are, for a person; the table's own name where there are no words yet."""
    words = {
        "members": _("On the roster"),
        "memberships": _("Chapters she belonged to"),
        "status_spans": _("Her status, and since when"),
        "staged_members": _("Waiting or undoable roster imports"),
        "phone_rules": _("What this phone asked us about texts"),
        "consents": _("What this phone agreed to, or took back"),
        "attendance": _("Counted at a line"),
        "evidence": _("How she was counted"),
        "eligible": _("In the denominator of an action"),
        "matches": _("Matched to her by a person"),
        "walkups": _("Typed at a line, and matched nobody"),
        "known_phones": _("Typed before on a phone that is remembered"),
        "new_numbers": _("A new mobile number told at a line"),
        "replies": _("Coming, or not coming"),
        "outbox": _("Texts to her"),
        "inbound": _("Texts from her"),
        "questions": _("What she was asked by text"),
        "people": _("Her account"),
        "roles": _("Her roles"),
        "sessions": _("Browsers signed in"),
        "one_time_links": _("Sign-in links made for her"),
        "admin_changes": _("Asked of a second admin about them"),
        "code_requests": _("Codes asked for"),
        "visits": _("Visits to the member's page"),
        "line_grants": _("Line pages she held"),
        "head_counts": _("Head counts she reported"),
        "supporters": _("Supporters she counted"),
        "audit": _("In the audit log, by id"),
        "exports": _("Files she exported"),
    }
    return words.get(table, table)
