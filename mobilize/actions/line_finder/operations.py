"""Switching the page *Where is my line?* on and off for an action."""

from datetime import datetime

from mobilize import audit
from mobilize.actions.models import Action
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _


def show_lines(action: Action, show: bool, *, actor: str, now: datetime) -> bool:
    """Let anybody look up an action's lines until it ends, or no longer; True when that changed anything.

    Twice changes nothing the second time. Refused: "is_over" once it has ended, and "is_drill", since nobody
    from outside should come to a rehearsal.
    """
    with atomic() as session:
        session.refresh(action, with_for_update={"of": Action})
        if show == (action.line_finder_at is not None):
            return False
        if show and action.drill:
            raise Refused("is_drill", _("This is a drill. Nobody outside is told where it is."))
        if show and action.ends_at <= now:
            raise Refused("is_over", _("This action is over. There is no line to find."), status=409)
        action.line_finder_at = now if show else None
        audit.note(actor, "action.show_lines" if show else "action.hide_lines", action.id, now=now)
    return True
