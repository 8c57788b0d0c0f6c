"""What `make install` asks apt for, by apt itself with the indexes of other systems than this one.

The names are those of Debian's and Ubuntu's own indexes, as far as they are ours; nothing is installed.
"""

import os
import shutil
from pathlib import Path

import pytest

from deploy.install import CannotInstall, system
from deploy.install.commands import succeeds

MAIN, UNIVERSE = "main", "universe"
# The names among which we choose, in the part of the archive that has them.
NOBLE = {
    MAIN: ["postgresql", "ca-certificates", "tzdata"],
    UNIVERSE: ["python3-venv", "caddy", "redis-server", "valkey-server"],
}
BOOKWORM = {MAIN: ["postgresql", "ca-certificates", "tzdata", "python3-venv", "caddy", "redis-server"]}
APT = shutil.which("apt-get")
pytestmark = pytest.mark.skipif(not APT, reason="there is no apt here")


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty system beside this one, for apt and dpkg: nothing is installed, nothing is known."""
    for folder in ("state/lists/partial", "cache/archives/partial", "dpkg", "index", "bin", "etc"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "dpkg/status").touch()
    (tmp_path / "etc/sources.list").touch()
    (tmp_path / "apt.conf").write_text(f"""\
        Dir::State "{tmp_path}/state";
        Dir::State::status "{tmp_path}/dpkg/status";
        Dir::Cache "{tmp_path}/cache";
        Dir::Etc::sourcelist "{tmp_path}/etc/sources.list";
        Dir::Etc::sourceparts "{tmp_path}/etc/none";
        Acquire::AllowInsecureRepositories "true";
        APT::Sandbox::User "";
        """)
    for name in ("apt-get", "apt-cache", "dpkg-query"):
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setenv("DPKG_ADMINDIR", str(tmp_path / "dpkg"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def _know(bare: Path, index: dict[str, list[str]], *parts: str) -> None:
    """From now on `apt-get update` finds the packages of these parts."""
    packages = [
        f"Package: {name}\nVersion: 1\nArchitecture: all\nDescription: x\nFilename: ./none.deb\n"
        f"Size: 1\nSHA256: {'0' * 64}\n"
        for part in parts
        for name in index[part]
    ]
    (bare / "index/Packages").write_text("\n".join(packages))
    (bare / "etc/sources.list").write_text(f"deb [trusted=yes] file:{bare}/index ./\n")


def _asked_for(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The packages that would be installed; everything else is asked of apt and dpkg."""
    really, packages = system.run, list[str]()

    def run(*argv: str, **options: object) -> str:
        if argv[:3] == ("apt-get", "-qq", "install"):
            packages.extend(one for one in argv[3:] if not one.startswith("-"))
            return ""
        return really(*argv, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(system, "run", run)
    monkeypatch.setattr(system, "succeeds", _succeeds_without_systemd)
    system.install_packages(proxy=True)
    return packages


def _succeeds_without_systemd(*argv: str) -> bool:
    return argv[0] == "systemctl" or succeeds(*argv)


def test_ubuntu_has_every_package_under_the_same_name(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _know(bare, NOBLE, MAIN, UNIVERSE)
    packages = _asked_for(monkeypatch)
    assert sorted(packages) == sorted([*system.NEEDED, "caddy", "valkey-server"])


def test_where_there_is_no_valkey_it_is_redis(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _know(bare, BOOKWORM, MAIN)
    assert sorted(_asked_for(monkeypatch)) == sorted([*system.NEEDED, "caddy", "redis-server"])


def test_an_ubuntu_without_universe_is_told_what_to_do_before_anything_is_installed(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _know(bare, NOBLE, MAIN)
    with pytest.raises(CannotInstall, match=r"no python3-venv, caddy, redis-server here.*universe"):
        _asked_for(monkeypatch)
    assert os.listdir(bare / "cache/archives") == ["partial"]
