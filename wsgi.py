"""The web process: any WSGI server runs `wsgi:app`, and `flask --app wsgi` runs the commands."""

import config
from mobilize import create_app

app = create_app(config.load())
