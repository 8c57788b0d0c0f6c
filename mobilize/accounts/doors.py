"""The web door of sign-in, people and protections; each has a file of its own."""

from mobilize.accounts import device_views, people_views, step_views
from mobilize.accounts.views import bp

__all__ = ["bp", "device_views", "people_views", "step_views"]
