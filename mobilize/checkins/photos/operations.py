"""Photos from the line: whether an action has any, and the one beside a head count."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select

from mobilize import audit
from mobilize.actions.models import Action, Event
from mobilize.checkins.models import HeadCount, Photo
from mobilize.checkins.photos.image_reencoding import clean_jpeg
from mobilize.database import atomic
from mobilize.errors import Refused
from mobilize.languages import _

PHOTOS_KEPT = timedelta(days=14)
# A line of a long strike day counts every half hour; what is beyond that is no picture of a line.
MOST_OF_A_LINE = 40


def allow_photos(action: Action, allowed: bool, *, actor: str, now: datetime) -> bool:
    """Let the lines of an action send photos, or no longer; True when that changed anything.

    Twice changes nothing the second time. Photos that are there stay until their day, or until somebody
    deletes them. Refused: "forgotten" for an action of which nobody is known any more.
    """
    with atomic() as session:
        session.refresh(action, with_for_update={"of": Action})
        if allowed == (action.photos_at is not None):
            return False
        if allowed and action.forgotten_at is not None:
            raise Refused("forgotten", _("This action was forgotten already."), status=409)
        action.photos_at = now if allowed else None
        audit.note(actor, "action.photos" if allowed else "action.photos.off", action.id, now=now)
    return True


def add_photo(event: Event, count_nonce: bytes, upload: bytes, *, by: str, now: datetime) -> None:
    """Store the photo that goes with the head count of this nonce, made anew and sealed.

    A head count has one photo: another one takes its place, and the same one again changes nothing that can
    be seen. Refused: "photos_off" unless the office allows them for the action, "no_count" where there is no
    such head count, "too_late" when it is older than a photo is kept, "too_many" for one line; and what
    `clean_jpeg` refuses.
    """
    _refuse_unless_allowed(event)
    picture = clean_jpeg(upload)
    with atomic() as session:
        # Two phones that send at once take turns here.
        of_count = HeadCount.event_id == event.id, HeadCount.nonce == count_nonce
        count = session.scalar(select(HeadCount).where(*of_count).with_for_update())
        if count is None:
            message = _("We have no head count for this photo. Count first, then add it.")
            raise Refused("no_count", message, status=404)
        _refuse_unless_allowed(event)
        if event.action.forgotten_at is not None or count.counted_at + PHOTOS_KEPT <= now:
            why = _("This head count is too old for a photo. Count again, then add it.")
            raise Refused("too_late", why, status=409)
        session.execute(delete(Photo).where(Photo.head_count_id == count.id))
        stored = session.scalar(select(func.count()).where(Photo.event_id == event.id)) or 0
        if stored >= MOST_OF_A_LINE:
            message = _("This line has %(most)s photos already. That is enough.", most=MOST_OF_A_LINE)
            raise Refused("too_many", message, status=409)
        photo = Photo(head_count_id=count.id, event_id=event.id, by=by, until=count.counted_at + PHOTOS_KEPT)
        photo.picture = picture
        session.add(photo)


def _refuse_unless_allowed(event: Event) -> None:
    if event.action.photos_at is None:
        message = _("Photos are off for this action. The count stays as it is.")
        raise Refused("photos_off", message, status=409)
