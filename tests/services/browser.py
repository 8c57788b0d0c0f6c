"""A headless Chromium: the machine's, else the test library's own download; in CI Debian's package first."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.services import NotAvailable

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome")
MACOS = Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome")

# No component updates, no look-ups of hosts that the tests never meant to ask.
FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    *(["--no-sandbox"] if os.geteuid() == 0 else []),
]
# Where playwright puts what it downloads.
_DOWNLOADS = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache/ms-playwright")
REMEDY = "No Chromium: apt-get install chromium (Debian), or .venv/bin/playwright install chromium"


def executable() -> str | None:
    """The path of a Chromium, installed if need be; None means the one playwright downloaded itself."""
    with (Path(tempfile.gettempdir()) / "mobilize-browser.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # test processes side by side: one installs, the others find it
        path = _on_this_machine()
        if path or _downloaded():
            return path
        if apt_install("chromium"):
            return _on_this_machine()
        if _download():
            return None
    raise NotAvailable(REMEDY)


def is_here() -> bool:
    """Whether there is one without installing anything."""
    return bool(_on_this_machine()) or any(_DOWNLOADS.glob("chromium*"))


def _on_this_machine() -> str | None:
    for name in NAMES:
        if path := shutil.which(name):
            return path
    return str(MACOS) if MACOS.exists() else None


def _downloaded() -> bool:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        return Path(playwright.chromium.executable_path).exists()


def _download() -> bool:
    return (
        subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], timeout=600).returncode
        == 0
    )


def apt_install(*packages: str) -> bool:
    """Install Debian's packages on a machine for tests alone (CI=true), and say whether that went well.
    Elsewhere nothing is installed into the system unasked: False."""
    if not os.environ.get("CI") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *packages]):
        if subprocess.run(["apt-get", *arguments], env=quiet, timeout=600).returncode:
            return False
    return True
