"""The web door of campaigns, actions and events; each has a file of its own."""

from mobilize.actions import action_views, campaign_views, event_views, shift_views
from mobilize.actions.blueprint import bp

__all__ = ["action_views", "bp", "campaign_views", "event_views", "shift_views"]
