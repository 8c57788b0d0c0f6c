"""Every page of this room is on its blueprint."""

from mobilize.privacy import export_views, me_views, retention_views
from mobilize.privacy.blueprint import bp

__all__ = ["bp", "export_views", "me_views", "retention_views"]
