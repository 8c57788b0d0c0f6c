"""Operations that read the token itself, areas and sites."""

import uuid

from pydantic import Field
from sqlalchemy import select

from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope, ApiToken
from mobilize.actions.visibility import visible_site
from mobilize.api.endpoint import reading
from mobilize.api.paging import PageQuery, cut_page, read_page
from mobilize.api.schemas import AreaListOut, AreaOut, SiteListOut, SiteOut, TokenOut
from mobilize.database import db
from mobilize.roster.models import Site
from mobilize.roster.queries import areas as all_areas


class SitesQuery(PageQuery):
    """Which sites."""

    area_id: uuid.UUID | None = Field(None, description="Only of this area.")


@reading("/token", tag="Token", answer=TokenOut)
def token(access: TokenAccess) -> TokenOut:
    """What this token opens: its scopes, its areas, and until when."""
    stored = db.session.get_one(ApiToken, access.id)
    scopes = [scope for scope in ApiScope if scope in access.scopes]
    areas = None if access.scope.everything else sorted(access.scope.areas)
    return TokenOut(id=access.id, scopes=scopes, area_ids=areas, expires_at=stored.expires_at)


@reading("/areas", ApiScope.READ, tag="Places", answer=AreaListOut, query=PageQuery)
def areas(access: TokenAccess, query: PageQuery) -> AreaListOut:
    """The areas of the union that this token sees."""
    visible = [area for area in all_areas() if access.scope.sees_area(area.id)]
    rows, more = cut_page(visible, query, lambda area: area.id)
    return AreaListOut(data=[AreaOut(id=area.id, name=area.name) for area in rows], next=more)


@reading("/sites", ApiScope.READ, tag="Places", answer=SiteListOut, query=SitesQuery)
def sites(access: TokenAccess, query: SitesQuery) -> SiteListOut:
    """The places of work."""
    selected = access.scope.limit(select(Site))
    if query.area_id:
        selected = selected.where(Site.area_id == query.area_id)
    rows, more = read_page(selected, Site.id, query)
    return SiteListOut(data=[_site(row) for row in rows], next=more)


@reading("/sites/<uuid:site_id>", ApiScope.READ, tag="Places", answer=SiteOut)
def site(access: TokenAccess, site_id: uuid.UUID) -> SiteOut:
    """One place of work."""
    return _site(visible_site(site_id, access.scope))


def _site(row: Site) -> SiteOut:
    return SiteOut(
        id=row.id,
        code=row.code,
        name=row.name,
        area_id=row.area_id,
        timezone=row.tz,
        street=row.street,
        city=row.city,
        zip=row.zip,
        latitude=row.lat,
        longitude=row.lon,
        represented=row.represented,
    )
