"""Other programs, run as root or as the user who owns what they touch."""

import os
import shutil
import subprocess

from deploy.install import CannotInstall


def run(*argv: str, user: str = "", catch: bool = False, **environ: str) -> str:
    """Run a command to its end; with `catch` its output is returned and not shown.

    Raises `CannotInstall` with the last line it wrote.
    """
    command = ["runuser", "-u", user, "--", *argv] if user else list(argv)
    ended = subprocess.run(
        command,
        env={**os.environ, **environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if catch else None,
        stderr=subprocess.PIPE if catch else None,
        cwd="/",
        text=True,
        check=False,
    )
    if ended.returncode:
        lines = (ended.stderr or "the lines above say why").strip().splitlines()
        raise CannotInstall(f"{' '.join(argv[:5])}: {lines[-1] if lines else ended.returncode}")
    return (ended.stdout or "").strip()


def succeeds(*argv: str) -> bool:
    """Whether a command is there and ends well. It writes nothing."""
    if not shutil.which(argv[0]):
        return False
    ended = subprocess.run(argv, check=False, stdin=subprocess.DEVNULL, capture_output=True)
    return ended.returncode == 0
