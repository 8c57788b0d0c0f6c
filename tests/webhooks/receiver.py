"""A receiver of webhooks on this machine: it checks each signature, and answers as it is told."""

import base64
import hashlib
import hmac
import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest


def is_signed(headers: dict[str, str], body: bytes, secret: str) -> bool:
    """As Standard Webhooks says it, written anew."""
    key = base64.b64decode(secret.split("_", 1)[1])
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
    expected = base64.b64encode(hmac.new(key, content.encode(), hashlib.sha256).digest()).decode()
    return f"v1,{expected}" in headers["webhook-signature"].split(" ")


class Receiver:
    """Counts each `webhook-id` that came; answers with `status`."""

    def __init__(self, port: int = 0) -> None:
        self.status, self.ids = 204, Counter[str]()
        self.bodies: list[dict[str, Any]] = []
        self.requests: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.take({k.lower(): v for k, v in self.headers.items()}, body)
                self.send_response(receiver.status)
                if receiver.status == 302:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._lock = threading.Lock()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?to=us"

    def take(self, headers: dict[str, str], body: bytes) -> None:
        with self._lock:
            self.requests.append((headers, body))
            if 200 <= self.status < 300:
                self.ids[headers["webhook-id"]] += 1
                self.bodies.append(json.loads(body))

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def receiver() -> Any:
    running = Receiver()
    yield running
    running.stop()
