"""`make install` and `make uninstall`: Mobilize on one machine with Debian or Ubuntu, all of it.

Standard library only: it runs before there is an environment. It may be run again at any time, and is how to
upgrade: what is there stays (keys, answers, data), what differs is written anew, and the web servers are
restarted one after the other. Every answer may be given as `NAME=value` behind `make install`, too. What it
lays down is in `deploy/machine/`.
"""


class CannotInstall(RuntimeError):
    """Something is missing or refused; the text is one line with the remedy."""
