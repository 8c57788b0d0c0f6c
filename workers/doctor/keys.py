"""SECRET_KEYS: that they open what is stored, and that nobody else on this machine reads them."""

import os
import stat
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from mobilize.keys.rotation import unfit_key
from mobilize.observability.findings import Finding, finding

# That of an installed machine.
ENVIRONMENT = Path("/etc/mobilize/environment")


def keys(_now: datetime) -> Sequence[Finding]:
    """Whether every key that sealed something is listed, with the right bytes."""
    unfit = unfit_key()
    return [finding("keys.wrong", key=unfit) if unfit else finding("keys.ok")]


def key_file(_now: datetime) -> Sequence[Finding]:
    """Whether only their owner, or its group, can read the files in which they may be."""
    named = os.environ.get("SECRET_KEYS_FILE", "")
    paths = [*([Path(named)] if named else []), *([ENVIRONMENT] if ENVIRONMENT.exists() else [])]
    return [finding("keys.readable", file=str(path)) for path in paths if path.stat().st_mode & stat.S_IROTH]
