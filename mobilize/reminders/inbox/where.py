"""WHERE and DONDE by text: the line of a school, or of whoever asks; while the office shows lines to all."""

from datetime import datetime, timedelta

from sqlalchemy import select

from mobilize import clock, settings
from mobilize.actions.line_finder.queries import FinderSite, LineFinder, PublicLine, open_finder
from mobilize.database import db
from mobilize.languages import day_in_sentence
from mobilize.reminders.inbox.escalation import is_known_number
from mobilize.reminders.merge_fields import text_time, written_in
from mobilize.roster.models import Member, Membership, MembershipRank, Site
from mobilize.texts.models import Inbound
from mobilize.texts.operations import answer
from mobilize.texts.receiving.inbound import language_of
from mobilize.texts.receiving.replies import plain_words, school_asked
from mobilize.web.rate_limits import allow, used_so_far

A_DAY, AN_HOUR = timedelta(days=1), timedelta(hours=1)
_KIND = "where by text"


def say_where(inbound: Inbound, *, now: datetime) -> bool:
    """Answer it; False leaves it to a person: while no lines are shown, and what a member asks that names no
    school.

    A number that we do not know is answered once a day, as long as the hour's budget for such numbers lasts
    (`LINE_FINDER_TEXTS_AN_HOUR`); what it sends besides is stored and waits for nobody.
    """
    finder, school = open_finder(now), school_asked(inbound.body or "")
    if finder is None or school is None:
        return False
    sites = finder.matching(school) if school else _own_sites(finder, inbound.phone_index)
    if is_known_number(inbound.phone_index):
        if school and not sites:
            return False
    elif not _may_answer_stranger(inbound.phone_index, now):
        return True
    language = _language_of(inbound)
    wording, merge_fields = _words(finder, sites[0] if len(sites) == 1 else None, language)
    answer(inbound, wording, merge_fields, language=language, now=now)
    return True


def _own_sites(finder: LineFinder, phone_index: bytes) -> list[FinderSite]:
    """The home chapters of whoever has this number; several, or none, are for them to say."""
    codes = db.session.scalars(
        select(Site.code)
        .join(Membership, Membership.site_id == Site.id)
        .join(Member, Member.id == Membership.member_id)
        .where(Member.phone_index == phone_index, Member.gone_on.is_(None), Membership.to_at.is_(None))
        .where(Membership.rank == MembershipRank.HOME)
        .distinct()
    )
    return [site for code in codes if (site := finder.site(code))]


def _may_answer_stranger(phone_index: bytes, now: datetime) -> bool:
    """Whoever meets a budget that is used up has their answer of the day still to come; and one number that
    asks again and again uses up nothing of it."""
    if used_so_far(_KIND, phone_index.hex(), window=A_DAY, now=now):
        return False
    limit = settings().line_finder_texts_an_hour
    if not allow(_KIND, "numbers we do not know", limit=limit, window=AN_HOUR, now=now):
        return False
    return allow(_KIND, phone_index.hex(), limit=1, window=A_DAY, now=now)


def _language_of(inbound: Inbound) -> str:
    """That of the word they used, where the number is not a member's."""
    if not is_known_number(inbound.phone_index) and plain_words(inbound.body or "").startswith("donde"):
        return written_in("es")
    return written_in(language_of(inbound.phone_index))


def _words(finder: LineFinder, site: FinderSite | None, language: str) -> tuple[str, dict[str, str]]:
    """The wording and its merge fields."""
    if site is None:
        return "where_ask", {}
    planned = [line for line in site.lines if not line.called_off]
    if planned:
        return "where_line", _merge_fields(planned[0], language)
    if site.lines:
        return "where_off", {"place": site.lines[0].place}
    near = finder.nearest(site.point, 1) if site.point else []
    return ("where_near", _merge_fields(near[0][1], language)) if near else ("where_ask", {})


def _merge_fields(line: PublicLine, language: str) -> dict[str, str]:
    starts = clock.local(line.starts_at, line.tz)
    place = f"{line.place}, {line.meet_at}" if line.meet_at else line.place
    return {"place": place, "day": day_in_sentence(starts, language), "time": text_time(starts, language)}
