"""`make security`: what can be checked about the code in a minute. Exit code 1 when something is found."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

ROOT = Path(__file__).resolve().parents[2]
OURS = ["config.py", "wsgi.py", "mobilize", "workers", "deploy"]
OSV = "https://api.osv.dev/v1/querybatch"
PINNED = re.compile(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", re.MULTILINE)
SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "a Twilio account or key": re.compile(r"\b(?:AC|SK)[0-9a-f]{32}\b"),
    "an entry of SECRET_KEYS": re.compile(r"\b[a-z0-9]{1,8}:[A-Za-z0-9+/]{43}="),
    "an AWS key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})"),
    "a password in an address": re.compile(
        r"\b(?:postgres(?:ql)?|redis|https?)://[^/\s:@'\"{}<>]+:[^/\s:@'\"{}<>]+@"
    ),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\."),
}
# One letter over and over is nobody's.
# Nor what says of itself that it is for a bench.
HARMLESS = re.compile(r"(?:AC|SK|MG)([0-9a-f])\1{31}|b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE=")

Result = tuple[bool, str]


def main() -> int:
    """Each check, or those named as arguments, with its time and what it found."""
    failed = 0
    chosen = {name: CHECKS[name] for name in sys.argv[1:]} or CHECKS
    for name, check in chosen.items():
        began = time.monotonic()
        fine, said = check()
        failed += not fine
        print(
            f"{'ok  ' if fine else 'FAIL'}  {name:<13} {time.monotonic() - began:5.1f} s  {said}", flush=True
        )
    return 1 if failed else 0


def code() -> Result:
    """bandit, from medium severity and confidence on."""
    run = _run("bandit", "-q", "-r", "-ll", "-ii", "-f", "json", "-x", "mobilize/migrations", *OURS)
    try:
        found = json.loads(run.stdout)["results"]
    except ValueError:
        return False, run.stderr.strip()[-300:]
    lines = [
        f"{one['filename']}:{one['line_number']} {one['test_id']}"
        for one in found
        if not _is_reasoned(one["filename"], one["line_number"])
    ]
    return not lines, "\n      ".join(lines) or "bandit finds nothing of medium weight or more"


def rules() -> Result:
    """ruff's S rules, which are bandit's as well, on every weight."""
    run = _run("ruff", "check", "--select", "S", "--ignore", "S603,S607", "--output-format", "concise", *OURS)
    return run.returncode == 0, run.stdout.strip() if run.returncode else "ruff's S rules find nothing"


def dependencies() -> Result:
    """Known weaknesses of the pinned versions: one question to OSV, the open database of them."""
    text = (ROOT / "requirements.txt").read_text() + (ROOT / "requirements-dev.txt").read_text()
    pins = sorted(set(PINNED.findall(text)))
    try:
        known = _known(pins)
    except (URLError, OSError, ValueError, KeyError) as away:
        return (
            True,
            f"NOT CHECKED: {OSV} cannot be asked from here ({away})",
        )
    found = [f"{n} {v}: {', '.join(ids)}" for (n, v), ids in zip(pins, known, strict=True) if ids]
    return not found, "\n      ".join(found) or f"no known weakness in {len(pins)} pinned versions"


def secrets() -> Result:
    """Keys and passwords in tracked files."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    found = [
        f"{path}: {what}"
        for path in listed.decode().split("\0")
        if path and not path.endswith((".txt", ".png", ".woff2", ".po"))
        for what in _secrets_in(ROOT / path)
    ]
    return not found, "\n      ".join(found) or "no key, token or password in a tracked file"


def headers() -> Result:
    """Every route's answer, and the entrances: the tests that say so."""
    run = _run("pytest", "-q", "-p", "no:cacheprovider", "tests/security/test_every_answer.py")
    last = run.stdout.strip().splitlines()[-1:] or [run.stderr.strip()[-300:]]
    return run.returncode == 0, last[0]


CHECKS: dict[str, Callable[[], Result]] = {
    "code": code,
    "rules": rules,
    "secrets": secrets,
    "headers": headers,
    "dependencies": dependencies,
}


def _run(tool: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", tool, *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def _known(pins: list[tuple[str, str]]) -> list[list[str]]:
    """For each pin the ids of its weaknesses (osv.dev, "querybatch")."""
    asked = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in pins]
    headers = {"Content-Type": "application/json"}
    with urlopen(Request(OSV, json.dumps({"queries": asked}).encode(), headers), timeout=20) as answer:
        results = json.load(answer)["results"]
    return [[str(one["id"]) for one in result.get("vulns", [])] for result in results]


def _is_reasoned(path: str, line: int) -> bool:
    """The line says itself, for ruff and for whoever reads it, why it is as it is."""
    around = (ROOT / path).read_text(encoding="utf-8").splitlines()[line - 1 : line + 2]
    return any("noqa: S" in said for said in around)


def _secrets_in(path: Path) -> list[str]:
    try:
        text = HARMLESS.sub("", path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, OSError):
        return []
    return [what for what, looks in SECRETS.items() if looks.search(text)]


if __name__ == "__main__":
    sys.exit(main())
