"""Every page of this room is on its blueprint."""

import mobilize.privacy.export_views
import mobilize.privacy.me_views
import mobilize.privacy.retention_views  # noqa: F401
from mobilize.privacy.blueprint import bp

__all__ = ["bp"]
