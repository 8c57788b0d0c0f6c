#!/bin/sh
# make-venv.sh DIR: a virtual environment with the first Python found that is 3.11, 3.12 or 3.13.
# A pyenv shim may answer to a name and still have no such Python, hence the trial runs.
set -u
dir=$1
without_venv=

for python in ${PYTHON:-} python3.13 python3.12 python3.11 python3 python; do
    "$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' >/dev/null 2>&1 || continue
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        without_venv=${without_venv:-$python}
        continue
    fi
    echo "Making $dir with $("$python" -V) ..."
    "$python" -m venv "$dir" && exit 0
    rm -rf "$dir"
    echo "$python could not make $dir; the reason is above." >&2
    exit 1
done

if [ -n "$without_venv" ]; then
    echo "$without_venv has no venv module. On Debian or Ubuntu: apt-get install python3-venv" >&2
else
    echo "Python 3.11, 3.12 or 3.13 is needed and none was found." >&2
    echo "Debian, Ubuntu: apt-get install python3 python3-venv   macOS: brew install python@3.13" >&2
    echo "If it has another name: make setup PYTHON=/path/to/python3.12" >&2
fi
exit 1
