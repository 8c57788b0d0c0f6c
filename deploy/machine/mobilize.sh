#!/bin/sh
# Made by `make install`: the commands of Mobilize, as its own user. `sudo mobilize --help` lists them. Files are
# read and written wherever root may; what is written is for root alone.
set -eu
[ "$(id -u)" = 0 ] || { echo "As root: sudo mobilize $*" >&2; exit 1; }
release=${MOBILIZE_RELEASE:-/opt/mobilize/current}
unset MOBILIZE_RELEASE
set -a
. /etc/mobilize/environment
HOME=/var/lib/mobilize FLASK_SKIP_DOTENV=1 PYTHONUTF8=1
set +a
umask 077
# PostgreSQL goes by the effective user. The real one stays root's, or what asks access(2) for a file would hear no.
exec setpriv --euid=mobilize --egid=mobilize --clear-groups --inh-caps=+dac_override --ambient-caps=+dac_override \
    "$release/.venv/bin/flask" --app "$release/wsgi.py" "$@"
