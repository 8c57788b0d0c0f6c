"""The turnout of the latest action as a CSV file; with --heads, a count that came by telephone first.

MOBILIZE_URI=http://localhost:5000 MOBILIZE_TOKEN=mobilize_... python turnout_to_csv.py turnout.csv
... python turnout_to_csv.py turnout.csv --event 0190c0de-... --heads 27
"""

import argparse
import csv
import sys
from datetime import UTC, datetime

from mobilize_connector import Mobilize, MobilizeError

COLUMNS = ["site_code", "site", "eligible", "came", "share_percent", "head_count", "supporters"]


def main() -> None:
    chosen = read_arguments()
    union = Mobilize()
    if chosen.heads is not None:
        report(union, chosen.event, chosen.heads)
    action = latest_action(union)
    if action is None:
        sys.exit("There is no action yet.")
    write(chosen.path, union.get_chapters(action["id"]))
    total = union.get_turnout(action["id"])["total"]
    print(f"{action['name']['en']}: {total['reporting']} of {total['sites']} sites have reported")


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("path", nargs="?", default="turnout.csv")
    parser.add_argument("--event", help="the id of the event whose line was counted")
    parser.add_argument("--heads", type=int, help="how many stand there")
    chosen = parser.parse_args()
    if (chosen.event is None) != (chosen.heads is None):
        parser.error("--event and --heads go together")
    return chosen


def report(union: Mobilize, event_id: str, heads: int) -> None:
    try:
        union.report_head_count(event_id, heads)
        print(f"Reported {heads}")
    except MobilizeError as refusal:
        print(f"Not counted: {refusal}")


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


if __name__ == "__main__":
    main()
