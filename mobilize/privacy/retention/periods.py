"""Retention periods: how long each kind of personal data is stored."""

from datetime import timedelta

from mobilize.accounts.people.chairs_apply import CHAIR_LISTS_KEPT
from mobilize.accounts.sign_in.one_time_codes import REMEMBER_BROWSER, UNUSED_CODES_KEPT
from mobilize.accounts.tokens.models import ANSWERS_KEPT
from mobilize.actions.models import Campaign
from mobilize.checkins.photos.operations import PHOTOS_KEPT
from mobilize.checkins.record.identifiers import WALKUPS_KEPT
from mobilize.checkins.record.known_phones import REMEMBERED_FOR
from mobilize.jobs.operations import EXPORTS_KEPT, JOB_FILES_KEPT, JOBS_KEPT
from mobilize.reminders.broadcasts.operations import DRAFTS_KEPT
from mobilize.roster.imports.operations import STAGED_KEPT
from mobilize.texts.operations import BODIES_KEPT
from mobilize.texts.sending.unmatched import MESSAGES_KEPT

# A campaign may choose within these; an action without a campaign has the usual ninety.
USUAL_DAYS, SHORTEST_DAYS, LONGEST_DAYS = 90, 7, 365
TEXTS_THAT_CAME_IN = timedelta(days=90)
# Codes and answers; texts about an event go with its action.
TEXTS_WITHOUT_EVENT = timedelta(days=7)
ENDED_SESSIONS = timedelta(days=30)
# A request about an admin is answered within three days, or never; a new number may stand in it.
ADMIN_CHANGES = timedelta(days=30)
VISITS = timedelta(days=1)
# A note of a member's new number that nobody looked at; one that was looked at holds no number any more.
NEW_NUMBERS = timedelta(days=30)
# As long as the text that said so: then the office has had a quarter to ask the member for their number.
WRONG_NUMBERS = TEXTS_THAT_CAME_IN
EXPORT_NOTES = timedelta(days=365)
EXPIRED_TOKENS = timedelta(days=365)
WEBHOOK_EVENTS = timedelta(days=14)

# All of them, by their row in docs/privacy.md; those of rooms below are their own.
PERIODS: dict[str, set[timedelta]] = {
    "who was at an action": {timedelta(days=USUAL_DAYS)},
    "a member's new number": {NEW_NUMBERS},
    "a member's number that somebody else answers": {WRONG_NUMBERS},
    "a number that matched nobody": {WALKUPS_KEPT},
    "a photo from the line": {PHOTOS_KEPT},
    "the words of texts that came in": {BODIES_KEPT},
    "texts that came in": {TEXTS_THAT_CAME_IN},
    "codes, and answers to texts": {TEXTS_WITHOUT_EVENT},
    "a text to many that nobody confirmed": {DRAFTS_KEPT},
    "whom texts reached that a restore lost": {MESSAGES_KEPT},
    "a phone that is remembered for checking in": {REMEMBERED_FOR},
    "a number for which somebody asked a code": {UNUSED_CODES_KEPT, REMEMBER_BROWSER},
    "a browser that had the member's page open": {VISITS},
    "sessions and sign-in links": {ENDED_SESSIONS},
    "a request about an admin": {ADMIN_CHANGES},
    "a program's token": {EXPIRED_TOKENS},
    "the answers to a program's requests": {ANSWERS_KEPT},
    "what webhooks were told": {WEBHOOK_EVENTS},
    "a roster that is being read": {STAGED_KEPT, CHAIR_LISTS_KEPT, JOB_FILES_KEPT},
    "a large export": {EXPORTS_KEPT},
    "what long work somebody started": {JOBS_KEPT},
    "the note that somebody exported a file": {EXPORT_NOTES},
}


def days_kept(campaign: Campaign | None) -> int:
    """Days from the end of an action's last event until the action is forgotten."""
    chosen = campaign.forget_after_days if campaign else USUAL_DAYS
    return min(max(chosen, SHORTEST_DAYS), LONGEST_DAYS)
