"""The code in /opt/mobilize: each release in a folder of its own, and the link `current` to one.

So a release is whole before anything runs it, and the one before is there to go back to.
"""

import hashlib
import os
import shutil
import tomllib
from pathlib import Path

from deploy.install.commands import run
from deploy.install.files import Files, tell

ROOT = Path(__file__).parents[2]
OPT = Path("/opt/mobilize")
CURRENT = OPT / "current"
# What a running service needs, and the source that it has to offer.
CONTENT = (
    "mobilize", "workers", "templates", "deploy", "docs", "config.py", "wsgi.py", "requirements.in",
    "requirements.txt", "pyproject.toml", "Makefile", "LICENSE", "README.md", "CHANGELOG.md", "SECURITY.md",
)  # fmt: skip
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.mo", "*.png", ".*")
WHOLE = ".whole"
KEPT = 2


def copy(files: Files) -> Path:
    """Copy this clone to the folder named by its version and content. Returns that folder."""
    folder = OPT / "releases" / f"{_version()}-{_fingerprint()}"
    target = files.at(folder)
    if (target / WHOLE).exists():
        tell("as it was", folder)
        return folder
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in CONTENT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=LEFT_OUT)
        else:
            shutil.copy2(source, target / name)
    tell("written", folder)
    return folder


def build(folder: Path) -> None:
    """Its environment, from the pinned and hashed requirements, and its catalogues. Once for each release."""
    if (folder / WHOLE).exists():
        return
    os.umask(0o022)
    run("make", "--no-print-directory", "-C", str(folder), "setup")
    run(
        str(folder / ".venv/bin/python"),
        "-m",
        "compileall",
        "-q",
        str(folder / "mobilize"),
        str(folder / "workers"),
    )
    run("chmod", "-R", "go=rX", str(folder))
    (folder / WHOLE).touch()


def switch(files: Files, folder: Path) -> bool:
    """Make `current` lead to it, at once. Returns whether it led elsewhere."""
    link = files.at(CURRENT)
    if link.is_symlink() and os.readlink(link) == str(folder):
        return False
    draft = link.with_name(".current.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder)
    draft.rename(link)
    tell("switched", f"{CURRENT} -> {folder.name}")
    return True


def clean_up(files: Files) -> None:
    """Take away all but the newest releases, of which one runs and one is to go back to."""
    runs = files.at(CURRENT).resolve()
    others = [path for path in files.at(OPT / "releases").iterdir() if path.resolve() != runs]
    for path in sorted(others, key=lambda path: path.stat().st_mtime, reverse=True)[KEPT - 1 :]:
        shutil.rmtree(path)
        tell("removed", path)


def _version() -> str:
    return str(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _fingerprint() -> str:
    """Of every name and byte that is copied."""
    digest = hashlib.sha256()
    for name in CONTENT:
        top = ROOT / name
        for path in [top] if top.is_file() else sorted(top.rglob("*")):
            inside = path.relative_to(ROOT)
            if path.is_file() and not LEFT_OUT(str(path.parent), list(inside.parts)):
                digest.update(f"{inside}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:10]
