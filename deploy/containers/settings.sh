#!/bin/sh
# settings.sh DOMAIN [NAME OF THE UNION]: make .env for compose.yaml, with new keys and passwords, readable by
# its owner alone. A file that is there stays: whoever loses its SECRET_KEYS loses every name.
set -eu
umask 077
file=${ENV_FILE:-.env}
domain=${1:-}
union=${2:-Our Union Local}

case $domain in
"" | *[!A-Za-z0-9.-]*)
    echo "Say which name leads to this machine: sh deploy/containers/settings.sh mobilize.example.org" >&2
    exit 1
    ;;
esac
if [ -e "$file" ]; then
    echo "$file is there already, and stays as it is." >&2
    exit 1
fi

random() { head -c "$1" /dev/urandom | base64 | tr -d '\n'; }
password=$(random 24 | tr -d '+/=')
cat >"$file" <<SETTINGS
# Settings of Mobilize: README.md, "Settings". After a change: docker compose up -d
# Keep a copy of SECRET_KEYS apart from the backups: without them no name opens.
SECRET_KEYS=k$(date +%y%m%d)a:$(random 32)
DOMAIN=$domain
PUBLIC_BASE_URL=https://$domain
UNION_NAME='$(printf %s "$union" | sed "s/'/\\\\'/g")'
UNION_TIMEZONE=America/Los_Angeles
POSTGRES_PASSWORD=$password
DATABASE_URL=postgresql://mobilize:$password@database/mobilize
REDIS_URL=redis://valkey:6379/0
WEB_PROCESSES=2
WORKER_PROCESSES=2
# Whom backups are encrypted for: docs/containers.md, "A backup".
#BACKUP_RECIPIENTS=age1...
#HELP_NUMBER=+12135550199
# Texts, once there is an account (docs/texts.md); without one all else works.
#TEXT_NUMBER=+12135550100
#TWILIO_ACCOUNT_SID=AC...
#TWILIO_AUTH_TOKEN=...
#TWILIO_MESSAGING_SERVICE_SID=MG...
SETTINGS
echo "$file is made. Next: docker compose up --build --detach"
