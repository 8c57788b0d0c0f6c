"""The web process: any WSGI server runs `wsgi:app`, and `flask --app wsgi` runs the commands."""

import gc

import config
from mobilize import create_app

app = create_app(config.load())

# What is here now stays for the life of the process: looking through it for garbage, again and again, is a
# tenth of what a check-in costs.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 100)
