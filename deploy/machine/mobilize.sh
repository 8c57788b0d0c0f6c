#!/bin/sh
# Made by `make install`: the commands of Mobilize, as the service itself runs them. `mobilize --help` lists them.
set -eu
[ "$(id -u)" = 0 ] || { echo "As root: sudo mobilize $*" >&2; exit 1; }
set -a
. /etc/mobilize/environment
set +a
export PYTHONUTF8=1 HOME=/var/lib/mobilize
cd "${MOBILIZE_RELEASE:-/opt/mobilize/current}"
exec setpriv --reuid=mobilize --regid=mobilize --init-groups .venv/bin/flask --app wsgi "$@"
