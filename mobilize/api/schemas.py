"""The models of what the API answers. Their names without `Out` and their fields are the document's words.

A moment has its zone: of an event that of its place, of everything else UTC. Null is "not reported", "not
there" or "not yours to see", and never zero.
"""

import uuid
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, Field

from mobilize.accounts.tokens.models import ApiScope
from mobilize.actions.models import ActionKind, EventState
from mobilize.api.paging import Listing
from mobilize.checkins.models import Duty, Outcome, Tier
from mobilize.reminders.models import RuleKind
from mobilize.roster.models import MemberStatus
from mobilize.texts.enums import TextState
from mobilize.turnout.models import ReportKind

# A text in the languages it was written in, by their codes: {"en": ..., "es": ...}.
Texts = Annotated[dict[str, str], Field(description="By language: `en` always, others where written.")]


class TokenOut(BaseModel):
    """What the token of this request opens."""

    id: uuid.UUID
    scopes: list[ApiScope]
    area_ids: list[uuid.UUID] | None = Field(description="Null: the whole union.")
    expires_at: datetime


class AreaOut(BaseModel):
    """A part of the union."""

    id: uuid.UUID
    name: str


class SiteOut(BaseModel):
    """A place of work, whose members are its chapter."""

    id: uuid.UUID
    code: str
    name: str
    area_id: uuid.UUID
    timezone: str
    street: str
    city: str
    zip: str
    latitude: float | None
    longitude: float | None
    represented: bool = Field(description="It gets an event when an action is held at every site.")


class NameOut(BaseModel):
    """A member's name as the roster writes it, and as they like to be called."""

    first: str
    last: str
    preferred: str


class MemberOut(BaseModel):
    """Somebody on the roster."""

    id: uuid.UUID
    status: MemberStatus
    language: str
    home_site_id: uuid.UUID | None
    second_site_id: uuid.UUID | None
    has_phone: bool
    name: NameOut | None = Field(description="Only with the scope `names`.")
    number: str | None = Field(description="The member number; only with the scope `names`.")
    phone: str | None = Field(description="In E.164; only with the scope `phones`.")


class CampaignOut(BaseModel):
    """A run of actions with its demands."""

    id: uuid.UUID
    name: Texts
    demands: Texts


class ActionOut(BaseModel):
    """One step of a campaign, at many places or at one."""

    id: uuid.UUID
    campaign_id: uuid.UUID | None
    kind: ActionKind
    name: Texts
    drill: bool = Field(description="A rehearsal, which enters no total.")
    target_percent: int
    starts_at: datetime
    ends_at: datetime
    called_off_at: datetime | None
    lines_shown_at: datetime | None = Field(description="Since when anybody may look up its lines.")


class ShiftOut(BaseModel):
    """A part of an event's day; every event has at least one."""

    id: uuid.UUID
    starts_at: datetime
    ends_at: datetime


class GateOut(BaseModel):
    """One of several lines at a site, by which heads may be counted."""

    id: uuid.UUID
    name: str


class EventOut(BaseModel):
    """An action at one place."""

    id: uuid.UUID
    action_id: uuid.UUID
    site_id: uuid.UUID | None = Field(description="Null for a rally, which has a venue.")
    area_id: uuid.UUID | None
    venue: str
    meet_at: str
    timezone: str
    code: str = Field(description="Stands on the poster, in the address where members check in.")
    text_code: str = Field(description="The digits of `HERE 48219`.")
    check_in_url: str
    starts_at: datetime
    ends_at: datetime
    state: EventState
    version: int = Field(description="Grows when it is moved.")
    shifts: list[ShiftOut]
    gates: list[GateOut] = Field(description="Of its site; none where everybody stands at one.")


class CheckInOut(BaseModel):
    """A member who counts at an event, once in each of its shifts."""

    id: uuid.UUID
    event_id: uuid.UUID
    shift_id: uuid.UUID
    member_id: uuid.UUID
    name: NameOut | None
    strength: Tier
    first_at: datetime
    left_at: datetime | None
    duty: Duty | None


class HeadCountOut(BaseModel):
    """How many people somebody counted at a line, at one moment."""

    id: uuid.UUID
    shift_id: uuid.UUID
    gate_id: uuid.UUID | None = Field(description="Null: of the whole line.")
    n: int
    counted_at: datetime
    counts: bool = Field(description="False: kept for a person, who has not decided yet, or taken back.")


class SupportersOut(BaseModel):
    """Families and community at a line, without names: all reports added up."""

    event_id: uuid.UUID
    n: int


class StoredOut(BaseModel):
    """What became of a report. The same key again gives the same answer."""

    key: str
    stored: bool
    outcome: Outcome = Field(
        description="`counted`; `repeat`: was in already, told with the scope `names` alone; `walkup`: taken "
        "by number, whose it is is not told; `outside_hours`, `unresolved`: kept, not counted; `out`: left."
    )
    error: str | None = Field(default=None, description="The stable code where it was not stored.")
    detail: str | None = None


class StoredBatchOut(BaseModel):
    """One answer for each item of a batch, in their order."""

    data: list[StoredOut]


class PreparedOut(BaseModel):
    """What a program may only prepare: a person confirms it at this address, signed in."""

    state: str = Field("prepared", pattern="^prepared$")
    confirm_url: str
    until: datetime | None = Field(description="When the request runs out; null: it does not.")
    id: uuid.UUID | None = Field(None, description="Of what there will be then; null: it is there already.")


class ChangedOut(BaseModel):
    """How many were changed."""

    changed: int


class RuleOut(BaseModel):
    """One of an action's reminders, and when it goes out; null is what its kind does not have."""

    kind: RuleKind
    on: bool
    at_local: str | None = Field(description="On the clock of each place: `17:00`.")
    minutes_before: int | None
    minutes_after_start: int | None
    again_after_minutes: int | None
    call_after_minutes: int | None


class RuleSizeOut(RuleOut):
    """A reminder with whom it still reaches, what that costs, and when; by today's roster, as if it were
    on."""

    phones: int
    segments: int
    cost_cents: int
    starts_at: datetime | None = Field(description="When the first goes out; null: it is too late.")
    done_at: datetime | None = Field(description="When the last goes out, behind what waits already.")


class RulesOut(BaseModel):
    """An action's reminders, in the order of an action's days."""

    reminders: list[RuleSizeOut]


class PublicCountsOut(BaseModel):
    """Counts that may be told to anybody. Named counts from 1 to 4, and what would give them away, are
    null."""

    area: str = Field(description="The area's name, or `total`.")
    sites: int
    reporting: int = Field(description="Sites that sent a head count.")
    eligible: int
    head_count: int | None = Field(description="Null: no report.")
    supporters: int | None
    observed: int | None = Field(description="Names that a chair or captain ticked or scanned.")
    came: int | None = Field(description="Eligible members who came; null until names are final.")
    share_percent: float | None


class TurnoutOut(BaseModel):
    """An action's turnout as outsiders may read it."""

    action_id: uuid.UUID
    drill: bool
    final: bool = Field(description="No form and no late upload can add a name any more.")
    total: PublicCountsOut | None = Field(description="Null for a token of some areas alone.")
    areas: list[PublicCountsOut]


class CountsOut(BaseModel):
    """Counts of some chapters together: names, head counts and supporters, which are never added up."""

    eligible: int
    came: int
    share_percent: float | None
    also_there: int
    named: int
    verified: int
    vouched: int
    self_reported: int
    hosted: int
    head_count: int | None
    peak: int | None
    supporters: int | None


class AreaCountsOut(CountsOut):
    """The chapters of one area together."""

    area_id: uuid.UUID
    area: str
    sites: int
    reporting: int


class ChapterCountsOut(CountsOut):
    """One chapter: its members, and the line that is its home, which it may share."""

    site_id: uuid.UUID
    site_code: str
    site: str
    area_id: uuid.UUID
    state: str = Field(description="`none`: no report; `zero`, `below`, `on`, `above` the target.")
    shared_line: bool
    fixed_at: datetime | None = Field(description="Since when the figures stand.")
    version: int | None


class ChapterTurnoutOut(BaseModel):
    """An action's turnout by area and chapter, with every count by name."""

    action_id: uuid.UUID
    drill: bool
    areas: list[AreaCountsOut]
    chapters: list[ChapterCountsOut]


class SeriesCellOut(BaseModel):
    """One chapter, area or the union in one action."""

    action_id: uuid.UUID
    eligible: int
    came: int
    share_percent: float | None


class SeriesRowOut(BaseModel):
    """Turnout action by action, oldest first; only the actions in which there was a part."""

    id: uuid.UUID | None = Field(description="Of the site or the area; null for all together.")
    name: str
    cells: list[SeriesCellOut]


class SeriesOut(BaseModel):
    """The series of a campaign."""

    campaign_id: uuid.UUID
    together: SeriesRowOut | None
    areas: list[SeriesRowOut]
    sites: list[SeriesRowOut]


class ReportOut(BaseModel):
    """The figures of one report, in one version, as they were put together."""

    id: uuid.UUID
    action_id: uuid.UUID
    kind: ReportKind
    place_id: uuid.UUID = Field(description="The site, the area, or for the union the action.")
    version: int
    made_at: datetime
    figures: dict[str, Any]


class TextOut(BaseModel):
    """A text on its way. Neither its words nor its number."""

    id: uuid.UUID
    wording: str
    state: TextState
    event_id: uuid.UUID | None
    due_at: datetime
    settled_at: datetime | None


class TextCountsOut(BaseModel):
    """How many texts are in each state."""

    states: dict[str, int]


class AreaListOut(Listing[AreaOut]):
    """Areas."""


class SiteListOut(Listing[SiteOut]):
    """Sites."""


class MemberListOut(Listing[MemberOut]):
    """Members."""


class CampaignListOut(Listing[CampaignOut]):
    """Campaigns."""


class ActionListOut(Listing[ActionOut]):
    """Actions."""


class EventListOut(Listing[EventOut]):
    """Events."""


class ShiftListOut(Listing[ShiftOut]):
    """Shifts."""


class CheckInListOut(Listing[CheckInOut]):
    """Check-ins."""


class HeadCountListOut(Listing[HeadCountOut]):
    """Head counts."""


class ReportListOut(Listing[ReportOut]):
    """Reports."""


class TextListOut(Listing[TextOut]):
    """Texts."""


class ErrorOut(BaseModel):
    """What of a request does not fit its description: where, and why."""

    detail: str
    pointer: str | None = None
    parameter: str | None = None
    header: str | None = None


class ProblemOut(BaseModel):
    """What is wrong (RFC 9457). `code` is stable; `detail` is for people, and may change."""

    type: str
    title: str
    status: int
    code: str = Field(description="One of those that are listed; more may come.")
    detail: str | None = None
    errors: list[ErrorOut] | None = None
