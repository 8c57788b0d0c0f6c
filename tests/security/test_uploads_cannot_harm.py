"""Files made to harm: refused by content, in under a second, in a process that may use little."""

import io
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize.accounts.models import RoleName
from mobilize.errors import Refused
from mobilize.roster.uploads import xlsx_reader, xlsx_sandbox
from mobilize.roster.uploads.uploaded_table import open_table
from tests.builders import make_area, make_person, sign_in
from tests.roster.files import HEADER, member, workbook

SHEET = "xl/worksheets/sheet1.xml"
NAMESPACE = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
LAUGHS = b"".join(
    [b'<!DOCTYPE lolz [<!ENTITY a "ha">']
    + [b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9)]
    + [b"]>"]
)


def repacked(parts: dict[str, bytes], base: bytes | None = None) -> bytes:
    """A good workbook in which these parts are replaced or added."""
    out = io.BytesIO()
    kept = io.BytesIO(base or workbook([HEADER, member()]))
    with zipfile.ZipFile(kept) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, content in parts.items():
            new.writestr(name, content)
    return out.getvalue()


def sheet(rows: bytes) -> bytes:
    return NAMESPACE + rows + b"</sheetData></worksheet>"


def one_byte_repeated() -> bytes:
    """4 GB of zeros would not fit here; 140 MB in 140 KB, under every stated size, shows the same."""
    return repacked({"xl/media/image1.xml": b"\0" * 140_000_000})


def overlapping() -> bytes:
    """A directory that states far less than a part unpacks to."""
    data = bytearray(repacked({SHEET: sheet(b" " * 30_000_000)}))
    at = data.rindex(b"PK\x01\x02", 0, data.rindex(SHEET.encode()))
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    return bytes(data)


def million_empty_rows() -> bytes:
    rows = b"".join(b'<row r="%d"/>' % n for n in range(2, 1_000_000))
    return repacked({SHEET: sheet(b'<row r="1"><c t="inlineStr"><is><t>a</t></is></c></row>' + rows)})


def formula() -> bytes:
    def also(page: object) -> None:
        page["A2"] = '=HYPERLINK("http://evil.example")'  # type: ignore[index]

    return workbook([HEADER, member()], also)


HARMFUL: dict[str, tuple[Callable[[], bytes], str]] = {
    "zip bomb": (one_byte_repeated, "workbook_too_large"),
    "zip bomb beyond the bound": (
        lambda: repacked({"xl/a.xml": b" " * 90_000_000, "xl/b.xml": b" " * 90_000_000}),
        "workbook_too_large",
    ),
    "many parts": (lambda: repacked({f"xl/{n}.xml": b"" for n in range(2_100)}), "workbook_too_large"),
    "a directory that lies": (overlapping, "workbook_unreadable"),
    "billion laughs": (lambda: repacked({SHEET: LAUGHS + sheet(b"&j;")}), "workbook_unsafe"),
    "billion laughs in shared strings": (
        lambda: repacked({"xl/sharedStrings.xml": LAUGHS + b"<sst><si><t>&j;</t></si></sst>"}),
        "workbook_unsafe",
    ),
    "external entity": (
        lambda: repacked({SHEET: b'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + sheet(b"&e;")}),
        "workbook_unsafe",
    ),
    "external entity in UTF-16": (
        lambda: repacked(
            {"docProps/core.xml": '<!DOCTYPE x SYSTEM "http://evil.example/x">'.encode("utf-16")}
        ),
        "workbook_unsafe",
    ),
    "macros": (lambda: repacked({"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" * 99}), "workbook_macros"),
    "old macros": (lambda: repacked({"xl/macrosheets/sheet1.xml": b"<x/>"}), "workbook_macros"),
    "a million empty rows": (million_empty_rows, "workbook_too_large"),
    "formula cells": (formula, "workbook_formula"),
    "renamed exe": (lambda: b"MZ\x90\0\x03" + bytes(5_000), "not_a_table"),
    "exe inside a zip": (lambda: repacked({}, _zip({"setup.exe": b"MZ" * 500})), "not_a_table"),
    "zip bomb that is no workbook": (lambda: _zip({"x": b"\0" * 50_000_000}), "not_a_table"),
    "old Excel": (lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(9_000), "not_a_table"),
    "gzip": (lambda: b"\x1f\x8b\x08" + bytes(5_000), "not_a_table"),
}


def _zip(parts: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return out.getvalue()


@pytest.mark.parametrize("what", HARMFUL)
def test_it_is_refused_at_once_and_uses_little(what: str) -> None:
    make, code = HARMFUL[what]
    data = make()
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    with pytest.raises(Refused) as refusal:
        list(open_table(data).records)
    after, ended = resource.getrusage(resource.RUSAGE_CHILDREN), resource.getrusage(resource.RUSAGE_SELF)
    assert refusal.value.code == code
    # Processor time, ours and the reader's: the clock on the wall is also other people's.
    assert after.ru_utime - before.ru_utime + ended.ru_utime - began.ru_utime < 1.0
    if sys.platform == "linux":
        assert ended.ru_maxrss - began.ru_maxrss < 60_000


def sabotaged(folder: Path, does: str) -> Path:
    """The reader, which after its checks does this."""
    source = Path(xlsx_sandbox.__file__).read_text(encoding="utf-8")
    check = "        _refuse_dangerous(data)\n"
    assert source.count(check) == 1
    program = folder / "reader.py"
    program.write_text(source.replace(check, f"{check}        {does}\n"))
    return program


def test_a_reader_that_takes_too_much_memory_is_stopped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(xlsx_reader, "READER", sabotaged(tmp_path, "'x' * 10**10"))
    with pytest.raises(Refused, match="workbook_too_large"):
        list(xlsx_reader.rows(workbook([HEADER, member()])))


@pytest.mark.parametrize("limit", ["processor", "clock"])
def test_a_reader_that_never_ends_is_stopped(
    limit: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    waits = {"processor": "while True: pass", "clock": "import time; time.sleep(60)"}
    program = sabotaged(tmp_path, waits[limit])
    program.write_text(program.read_text().replace("CPU_SECONDS = 60", "CPU_SECONDS = 1"))
    monkeypatch.setattr(xlsx_reader, "READER", program)
    monkeypatch.setattr(xlsx_reader, "LONGEST_S", 1 if limit == "clock" else 60)
    with pytest.raises(Refused, match="workbook_too_large"):
        list(xlsx_reader.rows(workbook([HEADER, member()])))


def test_the_reader_knows_no_secret_of_ours(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SECRET_KEYS", "t1:secret")
    script = tmp_path / "told.py"
    script.write_text(
        "import os, json\nprint(json.dumps([1, sorted(os.environ)]))\nprint('{\"end\": true}')\n"
    )
    monkeypatch.setattr(xlsx_reader, "READER", script)
    assert set(next(iter(xlsx_reader.rows(b"x")))[1]) <= {"PATH", "LC_ALL", "LC_CTYPE"}


def test_whoever_stops_reading_leaves_no_process_behind() -> None:
    reading = xlsx_reader.rows(workbook([HEADER, *[member(str(n)) for n in range(3_000)]]))
    assert next(reading)[0] == 1
    reading.close()
    command = ["ps", "-o", "args=", "--ppid", str(os.getpid())]
    assert "xlsx_sandbox" not in subprocess.run(command, capture_output=True, text=True).stdout


def test_a_good_workbook_is_read_as_before() -> None:
    rows = [HEADER, *[member(str(n), last="Peña") for n in range(1, 50)]]
    assert list(xlsx_reader.rows(workbook(rows))) == list(xlsx_sandbox.rows(workbook(rows)))


def test_the_door_answers_a_bomb_with_what_to_do(app: Flask, client: FlaskClient) -> None:
    make_area()
    sign_in(client, make_person("Ada", role=RoleName.ADMIN))
    file = {"file": (io.BytesIO(one_byte_repeated()), "members.csv")}
    answer = client.post("/imports/sites", data=file)
    assert answer.status_code == 422 and "far more than a list needs" in answer.text
