"""All doors of this room."""

from mobilize.checkins import (
    handing_over,
    new_number_views,
    offline_views,
    paper_views,
    personal_views,
    receipt_views,
    unmatched_views,
)
from mobilize.checkins.line_views import bp as line
from mobilize.checkins.views import bp as checkins

__all__ = [
    "checkins",
    "handing_over",
    "line",
    "new_number_views",
    "offline_views",
    "paper_views",
    "personal_views",
    "receipt_views",
    "unmatched_views",
]
