"""What lies in `static/vendor` is what was once looked at."""

import hashlib
import re
from pathlib import Path

VENDOR = Path(__file__).parents[2] / "mobilize/static/vendor"


def test_every_vendored_file_has_the_hash_that_was_written_down():
    row = re.compile(r"^\| `([\w.-]+)` .*\| `([0-9a-f]{64})` \|$", re.M)
    noted = dict(row.findall((VENDOR / "README.md").read_text()))
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in VENDOR.glob("*.js")}
    assert hashes and hashes == noted


def test_each_has_its_licence():
    licences = sorted(VENDOR.glob("*.LICENSE"))
    assert [path.stem for path in licences] == ["qr-scanner", "qrcode-generator"]
    assert all("Permission is hereby granted" in path.read_text() for path in licences)
