#!/usr/bin/python3 -I
"""Made by `make install`: the commands of Mobilize, as its own user. `sudo mobilize --help` lists them. Files
are read and written wherever root may; what is written is for root alone.

Standard library only. The environment file is read here as systemd reads it, and nothing in it is run.
"""

import os
import re
import sys

ENVIRONMENT, RELEASE = "/etc/mobilize/environment", "/opt/mobilize/current"
# systemd.exec(5), EnvironmentFile: a name, and a value in double quotes, in single ones, or in none.
_LINE = re.compile(
    r"""\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|((?:[^\\]|\\.)*?))\s*"""
)
# PostgreSQL goes by the effective user. The real one stays root's, or what asks access(2) for a file would
# hear no.
_AS_MOBILIZE = ("setpriv", "--euid=mobilize", "--egid=mobilize", "--clear-groups", "--inh-caps=+dac_override",
                "--ambient-caps=+dac_override")  # fmt: skip


def read_line(line: str) -> tuple[str, str] | None:
    """Name and value of a line; None for a comment and what is no setting."""
    match = _LINE.fullmatch(line)
    if match is None:
        return None
    name, doubly, singly, plain = match.groups()
    if doubly is not None:
        return name, re.sub(r'\\(["\\$`])', r"\1", doubly)
    return name, singly if singly is not None else re.sub(r"\\(.)", r"\1", plain)


def main() -> None:
    """Become the command. It ends with one line where there are no settings, or this is not root."""
    if os.geteuid() != 0:
        sys.exit(f"As root: sudo mobilize {' '.join(sys.argv[1:])}")
    release = os.environ.pop("MOBILIZE_RELEASE", RELEASE)
    try:
        with open(ENVIRONMENT, encoding="utf-8") as file:
            os.environ.update(filter(None, map(read_line, file.read().splitlines())))
    except OSError as problem:
        sys.exit(f"{ENVIRONMENT} cannot be read ({problem.strerror}): sudo make install")
    os.environ.update(HOME="/var/lib/mobilize", FLASK_SKIP_DOTENV="1", PYTHONUTF8="1")
    os.umask(0o077)
    flask = (f"{release}/.venv/bin/flask", "--app", f"{release}/wsgi.py")
    os.execvp(_AS_MOBILIZE[0], [*_AS_MOBILIZE, *flask, *sys.argv[1:]])  # noqa: S606 - no shell is wanted


if __name__ == "__main__":
    main()
