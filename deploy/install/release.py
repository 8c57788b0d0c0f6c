"""The code in /opt/mobilize: each release in a folder of its own, and the link `current` to one.

So a release is whole before anything runs it, and the one before is there to go back to.
"""

import hashlib
import os
import shutil
import sys
import tomllib
from pathlib import Path

from deploy.install.commands import run
from deploy.install.files import Files, tell

ROOT = Path(__file__).parents[2]
OPT = Path("/opt/mobilize")
CURRENT, RELEASES, LIBRARIES = OPT / "current", OPT / "releases", OPT / "libraries"
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
    folder = RELEASES / f"{_version()}-{_fingerprint()}"
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
    """Its libraries, pinned and hashed, and its catalogues. Once for each release; those that need the same
    libraries share them, and then nothing is fetched."""
    if (folder / WHOLE).exists():
        return
    os.umask(0o022)
    libraries = LIBRARIES / _of_libraries()
    run("make", "--no-print-directory", "-C", str(folder), f"VENV={libraries}", "setup")
    (folder / ".venv").symlink_to(libraries)
    code = [str(folder / name) for name in ("mobilize", "workers", "config.py", "wsgi.py")]
    run(str(libraries / "bin/python"), "-m", "compileall", "-q", *code)
    run("chmod", "-R", "go=rX", str(folder), str(libraries))
    (folder / WHOLE).touch()


def switch(files: Files, folder: Path) -> None:
    """Make `current` lead to it, at once."""
    link = files.at(CURRENT)
    if link.is_symlink() and os.readlink(link) == str(folder):
        return
    draft = link.with_name(".current.new")
    draft.unlink(missing_ok=True)
    draft.symlink_to(folder)
    draft.rename(link)
    tell("switched", f"{CURRENT} -> {folder.name}")


def clean_up(files: Files) -> None:
    """Take away all but the newest releases, of which one runs and one is to go back to, and libraries that
    none of them needs."""
    runs = files.at(CURRENT).resolve()
    others = [path for path in files.at(RELEASES).iterdir() if path.resolve() != runs]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    needed = {(path / ".venv").resolve() for path in (runs, *others[: KEPT - 1])}
    unneeded = [path for path in files.at(LIBRARIES).iterdir() if path.resolve() not in needed]
    for path in (*others[KEPT - 1 :], *unneeded):
        shutil.rmtree(path)
        tell("removed", path)


def _of_libraries() -> str:
    """A name for what is installed: the pins, and the Python they are installed for."""
    pins = (ROOT / "requirements.txt").read_bytes() + sys.version.encode()
    return hashlib.sha256(pins).hexdigest()[:10]


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
