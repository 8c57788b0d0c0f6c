"""What tests of imports share: three members, the months, and an import from file to commit."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from mobilize.database import db
from mobilize.roster.imports import operations as imports
from mobilize.roster.members import number_key
from mobilize.roster.models import Import, Member, Membership, MembershipRank, MemberStatus, Site
from mobilize.roster.operations import MemberDetails
from tests.roster.files import BIRCH, member, site_list

OLGA = "person:olga"
JANUARY = datetime(2026, 1, 10, 18, tzinfo=UTC)
FEBRUARY = JANUARY + timedelta(days=30)
MARCH = JANUARY + timedelta(days=60)
MIA = member("101", "Reyes", "Mia", phone="213-555-0101", second=BIRCH)
NATE = member("102", "Okafor", "Nate", phone="213-555-0102", language="ES", status="Leave", role="CC")
ANA = member("103", "Peña", "Ana", phone="", code="", status="Sub")


def do(data: bytes, now: datetime = JANUARY, by: str = OLGA) -> Import:
    return imports.commit_import(imports.dry_run_roster(data, by=by, now=now).id, by=by, now=now)


def import_sites() -> None:
    staged = imports.dry_run_sites(site_list(), by=OLGA, now=JANUARY)
    imports.commit_import(staged.id, by=OLGA, now=JANUARY)


def who(number: str) -> Member:
    db.session.expire_all()
    return db.session.scalars(select(Member).where(Member.number_index == number_key(number))).one()


def count(kind: Any, *where: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(kind).where(*where)) or 0


def home(number: str, rank: MembershipRank = MembershipRank.HOME) -> str | None:
    query = select(Site.code).join(Membership).where(Membership.member_id == who(number).id)
    return db.session.scalar(query.where(Membership.to_at.is_(None), Membership.rank == rank))


def details(phone: str = "213-555-0150", language: str = "es", last: str = "Reyes") -> MemberDetails:
    return MemberDetails(last, "Mia", "", phone, language, MemberStatus.ACTIVE)
