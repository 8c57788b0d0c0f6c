"""The size of rooms and files: no folder holds everything, and no file a few lines that belong elsewhere."""

from collections import Counter
from pathlib import Path

ROOT = Path(__file__).parents[1]
MOST_FILES, LEAST_LINES = 14, 40
FILES = sorted(
    path
    for top in ("mobilize", "workers", "deploy")
    for path in (ROOT / top).rglob("*.py")
    if "migrations" not in path.parts and path.stat().st_size
)
# Their names are the contract: what is in them is known before they are opened (CONTRIBUTING.md, "Drawers").
DRAWERS = {
    "__init__",
    "__main__",
    "commands",
    "forms",
    "models",
    "operations",
    "queries",
    "routes",
    "tasks",
    "views",
}
# Shorter ones, each a contract of its own or a subject that no neighbour has.
SHORT_FILES = {
    "mobilize/accounts/higher_rooms.py": "what accounts may ask of rooms above it",
    "mobilize/actions/words_to_share.py": "words about an event or an action, for two pages",
    "mobilize/checkins/line/list_signature.py": "the format of a signature, which a browser verifies",
    "mobilize/errors.py": "the exception of all rooms",
    "mobilize/fast/autocommit.py": "the pool of the fast path, which the engines only open",
    "mobilize/keys/blind_index_key.py": "a table and its reader",
    "mobilize/version.py": "the version as pyproject.toml has it, and its command",
    "mobilize/web/page_form.py": "the base of all forms",
    "mobilize/webhooks/sending/signature.py": "the signature of Standard Webhooks",
    "workers/runtime/broker.py": "one Redis, or what its sentinels name",
    "workers/doctor/keys.py": "one kind of finding, as each module there",
    "workers/doctor/carriers/callbacks.py": "one kind of finding, as each module there",
}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def room_sizes() -> Counter[str]:
    """The number of files in each folder that are not empty, but for the tasks of each room."""
    return Counter(name(path.parent) for path in FILES if not is_tasks(path))


def is_contract(path: Path) -> bool:
    """A drawer of a room, or the tasks of one room."""
    return path.stem in DRAWERS or path.stem.endswith("_views") or is_tasks(path)


def is_tasks(path: Path) -> bool:
    """One file for each room that has any."""
    return path.parent == ROOT / "workers" and (ROOT / "mobilize" / path.stem).is_dir()


def short_files() -> set[str]:
    """Files of fewer than 40 lines that are no contract."""
    counts = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in FILES}
    return {name(path) for path, lines in counts.items() if lines < LEAST_LINES and not is_contract(path)}


def test_no_room_holds_more_than_fourteen_files() -> None:
    sizes = room_sizes()
    assert len(sizes) > 60
    assert {room: count for room, count in sizes.items() if count > MOST_FILES} == {}


def test_no_file_is_too_short_to_be_one() -> None:
    assert len(FILES) > 400
    assert short_files() == set(SHORT_FILES)
