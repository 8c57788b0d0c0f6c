"""`python -m tests.api`: writes the contract anew, `docs/openapi.json`, unless that would break a program."""

import json
import sys
import tempfile
from pathlib import Path

import config
from mobilize import create_app
from mobilize.api.document import document
from tests.api.breaking import breaking_changes

CONTRACT = Path(__file__).parents[2] / "docs" / "openapi.json"


def main() -> int:
    """1, and nothing written, where a program would break; `--break` writes it all the same."""
    with tempfile.TemporaryDirectory() as folder:
        environ = {"MOBILIZE_ENV": "test", "SECRET_KEYS": config.new_key()}
        environ |= {"DATABASE_URL": f"sqlite:///{folder}/x", "PUBLIC_BASE_URL": "http://localhost:5000"}
        with create_app(config.load(environ)).app_context():
            new = json.loads(json.dumps(document()))
    broken = breaking_changes(json.loads(CONTRACT.read_text()), new) if CONTRACT.exists() else []
    if broken and "--break" not in sys.argv:
        print("\n".join(broken))
        return 1
    CONTRACT.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
