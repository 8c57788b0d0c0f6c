"""`python -m workers worker|beat ...`: the same as `celery -A workers.app ...`, without celery's shell.

Celery's own command loads a shell for people (prompt_toolkit), which is 9 MB that no worker has a use for.
"""

import sys

from celery.bin.base import CLIContext
from celery.bin.beat import beat
from celery.bin.worker import worker

from workers.app import app

COMMANDS = {"worker": worker, "beat": beat}


def main() -> None:
    """Run until told to stop; the options are celery's."""
    if sys.argv[1:2] and sys.argv[1] in COMMANDS:
        frame = CLIContext(app=app, no_color=True, workdir=None)
        COMMANDS[sys.argv[1]].main(sys.argv[2:], prog_name=f"workers {sys.argv[1]}", obj=frame)
    sys.exit(f"usage: python -m workers {'|'.join(COMMANDS)} [OPTIONS]")


if __name__ == "__main__":
    main()
