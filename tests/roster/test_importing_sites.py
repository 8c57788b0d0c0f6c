"""The union's list of sites comes again: what it changes, what it leaves, and how it is undone."""

import pytest
from sqlalchemy import select

from mobilize.database import db
from mobilize.errors import Refused
from mobilize.roster.imports import operations as imports
from mobilize.roster.models import Site
from tests.builders import make_site
from tests.roster.files import MAPLE, SITES, site_list
from tests.roster.importing import FEBRUARY, MARCH, OLGA, count

pytestmark = pytest.mark.usefixtures("imported_sites")


def test_a_later_list_of_sites_changes_adds_and_leaves_the_others() -> None:
    renamed = [MAPLE, "Maple Academy", "Harbor", *SITES[0][3:]]
    new = ["19999990000009", "Oak High", "East", "1", "", "", "", "34", "-118"]
    staged = imports.dry_run_sites(site_list(renamed, SITES[1], new), by=OLGA, now=FEBRUARY)
    assert staged.summary["changes"] == {"added": 1, "changed": 1, "same": 1, "new_areas": 1, "missing": 1}
    imports.commit_import(staged.id, by=OLGA, now=FEBRUARY)
    maple = db.session.scalars(select(Site).where(Site.code == MAPLE)).one()
    assert (maple.name, maple.area.name, count(Site)) == ("Maple Academy", "Harbor", 4)
    imports.undo_import(staged.id, by=OLGA, now=MARCH)
    db.session.expire_all()
    assert (maple.name, maple.area.name, count(Site)) == ("Maple Street Elementary", "North", 3)


def test_a_dry_run_of_sites_is_stale_when_one_of_them_was_added_meanwhile() -> None:
    new = ["19999990000009", "Oak High", "East", "1", "", "", "", "34", "-118"]
    staged = imports.dry_run_sites(site_list(*SITES, new), by=OLGA, now=FEBRUARY)
    make_site("Oak", code="19999990000009")
    with pytest.raises(Refused, match="roster_changed"):
        imports.commit_import(staged.id, by=OLGA, now=FEBRUARY)
