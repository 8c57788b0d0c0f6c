"""`python -m workers worker|beat ...`: a process for each queue (`workers.runtime.processes`), and the clock.

`celery -A workers.app ...` does it with one pool for all queues. That command also loads a shell for people
(prompt_toolkit), which is 9 MB that no worker has a use for.
"""

import sys

import config
from mobilize.observability import logs, process_folders


def main() -> None:
    """Run until told to stop; the options are celery's."""
    what, options = sys.argv[1:2], sys.argv[2:]
    config.load_or_exit()
    if what == ["worker"]:
        process_folders.prepare_metrics()
        from workers.runtime import processes

        logs.catch_surprises()

        sys.exit(processes.run(options))
    if what == ["beat"]:
        from celery.bin.base import CLIContext
        from celery.bin.beat import beat

        from workers.app import app

        logs.catch_surprises()
        frame = CLIContext(app=app, no_color=True, workdir=None)
        beat.main(options, prog_name="workers beat", obj=frame)
    sys.exit("usage: python -m workers worker|beat [OPTIONS]")


if __name__ == "__main__":
    main()
