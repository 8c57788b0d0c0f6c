"""The least a check-in can cost on this server: a member found by key, one INSERT, a small answer."""

import os
import uuid

from flask import Flask, request
from psycopg_pool import ConnectionPool

from mobilize.web.rsgi import RsgiAdapter

app = Flask(__name__)
rsgi = RsgiAdapter(app, threads=32)
pool = ConnectionPool(
    os.environ["DATABASE_URL"], min_size=8, max_size=8, open=True, kwargs={"autocommit": True}
)
ANSWER = "You're counted. Thank you for standing up.\n" * 7


@app.get("/")
def ready() -> str:
    return "ok"


@app.post("/floor")
def check_in() -> str:
    member = request.form["member"]
    with pool.connection() as connection:
        result = connection.execute("SELECT id FROM floor_members WHERE number = %s", [member]).fetchone()
        connection.execute("INSERT INTO floor_checkins VALUES (%s, %s)", [uuid.uuid4(), result[0]])
    return ANSWER
