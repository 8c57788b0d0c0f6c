"""The web door of this room: its pages, gathered."""

from mobilize.reminders import (
    broadcast_views,
    calling_off_views,
    chapter_text_views,
    health_views,
    inbox_views,
    rule_views,
)
from mobilize.reminders.blueprint import bp

__all__ = [
    "bp",
    "broadcast_views",
    "calling_off_views",
    "chapter_text_views",
    "health_views",
    "inbox_views",
    "rule_views",
]
