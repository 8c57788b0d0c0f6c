"""The turnout of the latest action as a CSV file, and a head count that came by telephone.

MOBILIZE_URI=http://localhost:5000 MOBILIZE_TOKEN=mobilize_... python turnout_to_csv.py turnout.csv
"""

import csv
import sys
from datetime import UTC, datetime

from mobilize_connector import Mobilize, MobilizeError

COLUMNS = ["site_code", "site", "eligible", "came", "share_percent", "head_count", "supporters"]


def main(path: str) -> None:
    union = Mobilize()
    action = latest_action(union)
    if action is None:
        sys.exit("There is no action yet.")
    write(path, union.get_chapters(action["id"]))
    total = union.get_turnout(action["id"])["total"]
    print(f"{action['name']['en']}: {total['reporting']} of {total['sites']} sites have reported")
    event = open_event(union, action)
    if event is not None:
        report(union, event, 12)


def latest_action(union: Mobilize) -> dict | None:
    """The action that began last."""
    now = datetime.now(UTC)
    begun = [one for one in union.get_actions() if datetime.fromisoformat(one["starts_at"]) <= now]
    return max(begun, key=lambda one: one["starts_at"], default=None)


def write(path: str, chapters: list[dict]) -> None:
    """An empty cell is "no report", and not zero."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        table.writeheader()
        table.writerows(chapters)


def open_event(union: Mobilize, action: dict) -> dict | None:
    """One of its events that is going on."""
    now = datetime.now(UTC).isoformat()
    events = union.get_events(action_id=action["id"], ends_after=now)
    return next((one for one in events if one["state"] == "planned"), None)


def report(union: Mobilize, event: dict, heads: int) -> None:
    """Under the same key it is the same count: the script may run again."""
    try:
        union.report_head_count(event["id"], heads, key=f"telephone-{event['id'][-12:]}")
        print(f"Reported {heads} at {event['check_in_url']}")
    except MobilizeError as refusal:
        print(f"Not counted: {refusal}")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "turnout.csv")
