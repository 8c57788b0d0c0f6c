"""What an operator types, and where settings stand, where this installation runs (`RUN_BY`): the one place
that knows. A sentence names it by its blank, as in "Run: %(mobilize)s audit verify".
"""

from config import RunBy
from mobilize import settings

# `mobilize` stands before one of our commands (`mobilize.commands`), `set` before NAME=value where a command
# changes settings, `migrate` where the tables are an earlier version's: no web may be up then to run it in.
_HOW_TO: dict[RunBy, dict[str, str]] = {
    RunBy.MACHINE: {
        "mobilize": "sudo mobilize",
        "migrate": "sudo mobilize migrate",
        "start_workers": "sudo systemctl restart mobilize-worker",
        "start_web": "sudo systemctl restart mobilize-web@1 mobilize-web@2",
        "set": "sudo make install",
        "redis_conf": "/etc/mobilize/redis.conf",
        "postgresql_conf": "/etc/postgresql/*/main/conf.d/mobilize.conf",
        "proxy_conf": "/etc/caddy/mobilize.caddyfile",
    },
    RunBy.CONTAINERS: {
        "mobilize": "docker compose exec web flask",
        "migrate": "docker compose run --rm web flask migrate",
        "start_workers": "docker compose restart worker",
        "start_web": "docker compose restart web",
        "set": "",
        "redis_conf": "compose.yaml",
        "postgresql_conf": "compose.yaml",
        "proxy_conf": "deploy/containers/Caddyfile",
    },
    RunBy.HAND: {
        "mobilize": ".venv/bin/flask --app wsgi",
        "migrate": ".venv/bin/flask --app wsgi migrate",
        "start_workers": "make work",
        "start_web": "make serve",
        "set": "",
        "redis_conf": "redis.conf",
        "postgresql_conf": "postgresql.conf",
        "proxy_conf": "nginx.conf",
    },
}


def how_to() -> dict[str, str]:
    """What is typed here, and where settings stand, by the blanks of sentences."""
    return _HOW_TO[settings().run_by]


def command(words: str) -> str:
    """One of our commands as it is typed here: "doctor" is `sudo mobilize doctor` on an installed machine."""
    return f"{how_to()['mobilize']} {words}"
