"""The web door of sign-in, people and protections; each has a file of its own."""

from mobilize.accounts import (
    approval_views,
    audit_views,
    chair_views,
    device_views,
    people_views,
    protection_views,
    step_views,
)
from mobilize.accounts.views import bp

__all__ = [
    "approval_views",
    "audit_views",
    "bp",
    "chair_views",
    "device_views",
    "people_views",
    "protection_views",
    "step_views",
]
