"""`make security`: what can be checked about code, answers and their times in six minutes.

Exit code 1 when something is found. What cannot be asked from here (the database of known weaknesses) is said
to be unchecked, and is no failure.
"""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ["config.py", "wsgi.py", "mobilize", "workers", "deploy"]
SECRETS = {
    "a private key": re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----"),
    "a Twilio account or key": re.compile(r"\b(?:AC|SK)[0-9a-f]{32}\b"),
    "an entry of SECRET_KEYS": re.compile(r"\b[a-z0-9]{1,8}:[A-Za-z0-9+/]{43}="),
    "an AWS key": re.compile(r"\bAKIA[0-9A-Z]{16}\b"),
    "a token of a code host": re.compile(r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|glpat-[A-Za-z0-9_-]{20})"),
    "a password in an address": re.compile(
        r"\b(?:postgres(?:ql)?|redis|https?)://[^/\s:@'\"{}<>]+:[^/\s:@'\"{}<>$]+@"
    ),
    "a program's token": re.compile(r"\bmobilize_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-])"),
    "a signed token": re.compile(r"\beyJ[A-Za-z0-9_-]{20,}\.[A-Za-z0-9_-]{20,}\."),
}
# One letter over and over is nobody's; nor are the two keys that say of themselves that they are for a bench
# database ("some bytes for a bench database!") and for chaos ("chaos makes no text go twice, ok").
HARMLESS = re.compile(
    r"(?:AC|SK|MG)([0-9a-f])\1{31}"
    r"|b1:c29tZSBieXRlcyBmb3IgYSBiZW5jaCBkYXRhYmFzZSE=|c1:Y2hhb3MgbWFrZXMgbm8gdGV4dCBnbyB0d2ljZSwgb2s="
)

Result = tuple[bool, str]


def main() -> int:
    """Each check, or those named as arguments, with its time and what it found."""
    failed = 0
    chosen = {name: CHECKS[name] for name in sys.argv[1:]} or CHECKS
    for name, check in chosen.items():
        began = time.monotonic()
        fine, summary = check()
        failed += not fine
        print(
            f"{'ok  ' if fine else 'FAIL'}  {name:<13} {time.monotonic() - began:5.1f} s  {summary}",
            flush=True,
        )
    return 1 if failed else 0


def code() -> Result:
    """bandit, from medium severity and confidence on."""
    run = _run("bandit", "-q", "-r", "-ll", "-ii", "-f", "json", "-x", "mobilize/migrations", *SOURCES)
    try:
        results = json.loads(run.stdout)["results"]
    except ValueError:
        return False, run.stderr.strip()[-300:]
    lines = [
        f"{one['filename']}:{one['line_number']} {one['test_id']}"
        for one in results
        if not _is_reasoned(one["filename"], one["line_number"])
    ]
    return not lines, "\n      ".join(lines) or "bandit finds nothing of medium weight or more"


def rules() -> Result:
    """ruff's S rules, which are bandit's as well, on every weight."""
    run = _run(
        "ruff", "check", "--select", "S", "--ignore", "S603,S607", "--output-format", "concise", *SOURCES
    )
    return run.returncode == 0, run.stdout.strip() if run.returncode else "ruff's S rules find nothing"


def dependencies() -> Result:
    """Known weaknesses of the pinned versions: pip-audit asks OSV, the open database of them."""
    files = [part for name in ("requirements.txt", "requirements-dev.txt") for part in ("-r", name)]
    how = ["--disable-pip", "--require-hashes", "--progress-spinner", "off", "-f", "json"]
    run = _run("pip_audit", *files, *how, "-s", "osv", "--timeout", "20")
    try:
        results = json.loads(run.stdout)["dependencies"]
    except (ValueError, KeyError):
        why = (run.stderr.strip().splitlines() or ["no answer"])[-1]
        return True, f"NOT CHECKED: the database of weaknesses cannot be asked from here ({why[:160]})"
    weak = [
        f"{one['name']} {one['version']}: {', '.join(weakness['id'] for weakness in one['vulns'])}"
        for one in results
        if one.get("vulns")
    ]
    unread = [str(one["name"]) for one in results if "skip_reason" in one]
    checked = f"no known weakness in {len(results) - len(unread)} pinned versions"
    return not weak and not unread, "\n      ".join([*weak, *unread]) or checked


def secrets() -> Result:
    """Keys and passwords in tracked files."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    matches = [
        f"{path}: {what}"
        for path in listed.decode().split("\0")
        if path and not path.endswith((".txt", ".png", ".woff2", ".po"))
        for what in _secrets_in(ROOT / path)
    ]
    return not matches, "\n      ".join(matches) or "no key, token or password in a tracked file"


def headers() -> Result:
    """Every route's answer, and the entrances: the tests that say so."""
    run = _run("pytest", "-q", "-p", "no:cacheprovider", "tests/security/test_every_answer.py")
    return run.returncode == 0, _last_lines(run, 1)


def authority() -> Result:
    """Three people who try all of accounts in any order, for minutes: `AUTHORITY_EXAMPLES` plays."""
    plays = os.environ.get("AUTHORITY_EXAMPLES", "150")
    quiet = ("-q", "-s", "-p", "no:cacheprovider", "--show-capture=no", "--tb=short", "--timeout", "3600")
    which = ("-k", "nobody_gets_power and sqlite", "tests/security/test_nobody_gives_themselves_power.py")
    run = _run("pytest", *quiet, *which, env={"AUTHORITY_EXAMPLES": plays})
    lines = run.stdout.strip().splitlines() or [run.stderr.strip()[-300:]]
    tally = next((line for line in lines if "plays of" in line), "")
    return run.returncode == 0, tally if run.returncode == 0 else "\n      ".join([tally, *lines[-12:]])


def flood() -> Result:
    """5,000 junk requests from the address of 500 honest check-ins, over HTTP."""
    from tests.security import flood

    results = flood.run()
    summary = (
        f"{results.counted} of {flood.HONEST} honest check-ins counted while {flood.JUNK:,} junk requests "
        f"ran ({results.seconds:.0f} s); server errors {len(results.broken)}, texts to strangers "
        f"{results.texts_to_strangers}; the chair signed in afterwards: {_yes(results.chair_signed_in)}; "
        f"a code is dead after five tries, through a kill -9 too: {_yes(results.dead_after_five_tries)}"
    )
    return results.holds, summary


def codes() -> Result:
    """8,184 requests for members' codes, which would open the spending breaker, while chairs sign in."""
    from tests.security import code_flood

    results = code_flood.run()
    summary = (
        f"{results.requested:,} requests for members' codes in {results.seconds:.0f} s; meanwhile the codes "
        f"of {len(results.waited_s)} chairs left within {max(results.waited_s):.1f} s (at most "
        f"{code_flood.AT_MOST_S:g}; median {median(results.waited_s):.1f}); "
        f"codes to members {results.codes_to_members}; paused: "
        f"{'YES' if results.is_paused else 'no'}; another text left: {_yes(results.reminder_left)}"
    )
    return results.holds, summary


def crawl() -> Result:
    """A real browser on every page, as everybody who may open it: nothing comes from a third party."""
    from tests.security import crawl

    results = crawl.run()
    wrong = sorted(results.elsewhere | results.refused_by_policy | results.broken)
    opened = ", ".join(f"{role} {count}" for role, count in results.opened.items())
    summary = f"pages opened in Chromium, none of which asked another origin: {opened}"
    return results.holds, "\n      ".join(wrong) or summary


def timing() -> Result:
    """Whether the time of an answer tells who is known here."""
    from tests.security import timing

    kinds = timing.measure()
    lines = [
        f"AUC {one.auc:.3f}{'' if one.auc <= timing.AT_MOST else ' TOO MUCH'}  "
        f"{one.route}: {one.kind} ({one.milliseconds:.1f} ms)"
        for one in kinds
    ]
    summary = (
        f"told from strangers by time, at most {timing.AT_MOST} (held-out half, median of {timing.RUNS}):"
    )
    return all(one.auc <= timing.AT_MOST for one in kinds), "\n      ".join([summary, *lines])


def slow() -> Result:
    """500 sockets of each kind that is slow on purpose, beside check-ins and looks at /healthz."""
    from tests.security import slow_clients

    results = slow_clients.run()
    lines = [
        f"{one.kind:<7} "
        + ", ".join(f"{route} {1000 * more:+.0f} ms" for route, more in one.more.items())
        + "".join(f"\n      {wrong}" for wrong in one.wrong[:3])
        for one in results
    ]
    summary = f"99th percentile beside {slow_clients.SOCKETS} slow sockets, at most +200 ms:"
    return all(one.holds for one in results), "\n      ".join([summary, *lines])


def worlds() -> Result:
    """Every step in every world, on both databases: nobody outside can tell whose a number is."""
    run = _run("pytest", "-q", "-n", "2", "tests/security/two_worlds", env={"WORLDS": "all"})
    return run.returncode == 0, _last_lines(run, 1 if run.returncode == 0 else 12)


def api() -> Result:
    """Requests made up from the API's document, on both databases: that fit it, that do not, and in
    sequences."""
    examples, seed = os.environ.get("API_EXAMPLES", "60"), os.environ.get("API_SEED", str(int(time.time())))
    quiet = ("-q", "-s", "-p", "no:cacheprovider", "--show-capture=no", "--timeout", "3600", "-k", "made_up")
    environ = {"API_EXAMPLES": examples, "API_SEED": seed}
    run = _run("pytest", *quiet, "tests/api/test_the_document_is_kept.py", env=environ)
    tally = "; ".join(line for line in run.stdout.splitlines() if "findings" in line)
    summary = f"{tally} (seed {seed})"
    return run.returncode == 0, summary if run.returncode == 0 else f"{summary}\n      {_last_lines(run, 20)}"


CHECKS: dict[str, Callable[[], Result]] = {
    "code": code,
    "rules": rules,
    "secrets": secrets,
    "headers": headers,
    "dependencies": dependencies,
    "crawl": crawl,
    "authority": authority,
    "flood": flood,
    "slow": slow,
    "codes": codes,
    "timing": timing,
    "worlds": worlds,
    "api": api,
}


def _run(
    tool: str, *arguments: str, env: Mapping[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    command, environ = [sys.executable, "-m", tool, *arguments], {**os.environ, **(env or {})}
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=environ)


def _last_lines(run: "subprocess.CompletedProcess[str]", how_many: int) -> str:
    lines = run.stdout.strip().splitlines() or [run.stderr.strip()[-300:]]
    return "\n      ".join(lines[-how_many:])


def _yes(fine: bool) -> str:
    return "yes" if fine else "NO"


def _is_reasoned(path: str, line: int) -> bool:
    """The line says itself, for ruff and for whoever reads it, why it is as it is."""
    around = (ROOT / path).read_text(encoding="utf-8").splitlines()[line - 1 : line + 2]
    return any("noqa: S" in text for text in around)


def _secrets_in(path: Path) -> list[str]:
    try:
        text = HARMLESS.sub("", path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, OSError):
        return []
    return [what for what, looks in SECRETS.items() if looks.search(text)]


if __name__ == "__main__":
    sys.exit(main())
