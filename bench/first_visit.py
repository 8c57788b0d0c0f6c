"""The load of a phone's first check-in: a real browser opens the poster's page, types a number,
taps and shows the receipt, and every answer that passes on its way is counted, the service worker's too."""

import re
import socket
import threading

from playwright.sync_api import sync_playwright

from tests.services.browser import FLAGS, executable

_HEAD = re.compile(rb"HTTP/1\.1 \d{3} .*?\r\n\r\n", re.DOTALL)


def bytes_of_a_first_visit(port: int, code: str) -> dict[str, int]:
    """Bytes as they were sent: of all bodies, and of everything with its headers, which HTTP/2 shortens."""
    counter = Counter(port)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable(), args=FLAGS)
        phone = browser.new_page(viewport={"width": 390, "height": 844})
        phone.goto(f"http://localhost:{counter.port}/c/{code}", wait_until="networkidle")
        phone.get_by_label("Your mobile number").fill("99999999")
        phone.get_by_role("button", name="Check in", exact=True).click()
        phone.wait_for_selector(".ticket")
        phone.evaluate(
            "navigator.serviceWorker.ready.then(() => new Promise((done) => setTimeout(done, 1000)))"
        )
        browser.close()
    answers = b"".join(counter.answers)
    heads = sum(len(head) for head in _HEAD.findall(answers))
    return {"all bodies": len(answers) - heads, "with headers": len(answers)}


class Counter:
    """Stands between the browser and the server, and keeps what each of them says."""

    def __init__(self, port: int):
        self._towards = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.answers: list[bytes] = []
        self.requests: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            browser, _address = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._towards))
            for pair in ((browser, server, self.requests), (server, browser, self.answers)):
                threading.Thread(target=_pass_on, args=pair, daemon=True).start()


def _pass_on(source: socket.socket, sink: socket.socket, passed: list[bytes]) -> None:
    try:
        while data := source.recv(65536):
            passed.append(data)
            sink.sendall(data)
    except OSError:
        pass  # one of the two has gone; so does the other
    source.close(), sink.close()
