"""On a bare machine one line says what the tests need, before anything runs; nothing is installed unasked."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.services import browser, preflight

ROOT = Path(__file__).parents[2]


def test_packages_that_are_not_here_are_named_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "_starts", lambda _program: False)
    monkeypatch.setattr(
        preflight.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None
    )
    monkeypatch.setattr(browser, "is_here", lambda: False)
    monkeypatch.delenv("CI", raising=False)
    assert list(preflight.missing(for_tests=True)) == ["libstdc++6", "libatomic1", "procps", "chromium"]
    assert list(preflight.missing(for_tests=False)) == ["libstdc++6"], "to look at the code takes no browser"


def test_a_browser_is_installed_into_the_system_on_a_machine_for_tests_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[object] = []
    monkeypatch.setattr(browser.subprocess, "run", lambda command, **_: calls.append(command))
    monkeypatch.delenv("CI", raising=False)
    assert not browser.apt_install("chromium") and calls == []


def test_this_machine_has_all_of_it() -> None:
    command = [sys.executable, "-m", "tests.services.preflight", "tests"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")
