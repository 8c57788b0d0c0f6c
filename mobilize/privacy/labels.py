"""Labels of the member's page and of the tables in the report on one person's data."""

from mobilize.languages import LANGUAGES, _, in_language
from mobilize.texts.consent.consents import version


def questions_on_page() -> dict[str, str]:
    """The words beside each button of the member's page, and the box of the public one, which give or take
    back a consent."""
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
        "texts_agree": _(
            "I want texts from the union about its actions at this number. Message frequency varies. "
            "Message and data rates may apply. I can answer STOP to end them, and HELP for help."
        ),
        "texts_stop": _("Stopping is for good, until you say otherwise. It counts for this phone."),
    }


def version_on_page(button: str) -> str:
    """The version of a button's words, in all languages together, which is stored with the consent."""
    words = []
    for language in LANGUAGES:
        with in_language(language):
            words.append(questions_on_page()[button])
    return version(f"page_{button}", words)


def table_words(table: str) -> str:
    """The label of a table's rows; the table's own name where it has none."""
    words = {
        "members": _("On the roster"),
        "memberships": _("Chapters they belonged to"),
        "status_spans": _("Their status, and since when"),
        "staged_members": _("Waiting or undoable roster imports"),
        "phone_rules": _("What this phone asked us about texts"),
        "carrier_blocks": _("Which carriers this phone told to stop"),
        "consents": _("What this phone agreed to, or took back"),
        "attendance": _("Counted at a line"),
        "evidence": _("How they were counted"),
        "eligible": _("Among the eligible members of an action"),
        "matches": _("Matched to them by a person"),
        "walkups": _("Typed at a line, and matched nobody"),
        "known_phones": _("Typed before on a phone that is remembered"),
        "new_numbers": _("New mobile number given at a line"),
        "wrong_numbers": _("Their number, which somebody else answered"),
        "replies": _("Coming, or not coming"),
        "outbox": _("Texts to them"),
        "inbound": _("Texts from them"),
        "questions": _("What they were asked by text"),
        "people": _("Their account"),
        "roles": _("Their roles"),
        "sessions": _("Browsers signed in"),
        "one_time_links": _("Sign-in links made for them"),
        "admin_changes": _("Asked a second admin about them"),
        "code_requests": _("Codes asked for"),
        "visits": _("Visits to the member's page"),
        "line_grants": _("Line pages they held"),
        "head_counts": _("Head counts they reported"),
        "supporters": _("Supporters they counted"),
        "audit": _("In the audit log, by id"),
        "exports": _("Files they exported"),
    }
    return words.get(table, table)
