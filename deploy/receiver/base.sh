#!/bin/sh
# base.sh FOLDER: a new base backup in FOLDER, through the socket that lies there. The two newest stay, and of
# FOLDER/log what they need.
set -eu
cd "$1"
rm -rf new
pg_basebackup -h "$1" -D new --checkpoint=fast
mv new "base-$(date -u +%Y%m%dT%H%M%S)"
ls -d base-* | sort -r | tail -n +3 | while read -r old; do rm -r "$old"; done
oldest=$(ls -d base-* | head -n 1)
needed=$(sed -n 's/^START WAL LOCATION: .* (file \([0-9A-F]*\))$/\1/p' "$oldest/backup_label")
for piece in log/[0-9A-F]*; do
  case $piece in *.history) continue ;; esac
  if [ "${piece#log/}" \< "$needed" ]; then rm "$piece"; fi
done
