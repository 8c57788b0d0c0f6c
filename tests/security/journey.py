"""A morning as people and the operator go through it, and what is left of it while it runs."""

import re
import subprocess
import sys
import threading
from pathlib import Path

import requests
from flask import current_app

from tests.security.canary import hits_in_files
from tests.services.processes import ROOT


class Journey:
    """A journey of several people, and every byte they are answered in public."""

    def __init__(self, environ: dict[str, str], folder: Path):
        self.environ, self.folder, self.base = environ, folder, environ["PUBLIC_BASE_URL"]
        self.public: list[bytes] = []
        self.addresses: set[str] = set()

    def flask(self, *argv: str) -> str:
        """A command as a process of its own, as the operator runs it."""
        done = subprocess.run(
            [sys.executable, "-m", "flask", "--app", "wsgi", *argv],
            env=self.environ, cwd=ROOT, capture_output=True, text=True, timeout=90,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        self.public += [done.stdout.encode(), done.stderr.encode()]
        return done.stdout

    def quick(self, *argv: str) -> str:
        """The same inside this process, which saves its start."""
        done = current_app.test_cli_runner().invoke(args=argv)
        assert done.exit_code == 0, done.output
        self.public.append(done.output.encode())
        return str(done.stdout)

    def get(self, web: requests.Session, path: str, *, shows_names: bool = False) -> requests.Response:
        return self._noted(web.get(self.base + path, timeout=30), shows_names)

    def post(
        self, web: requests.Session, path: str, page: str, *, shows_names: bool = False, **fields: str
    ) -> requests.Response:
        hidden = dict(re.findall(r'name="(csrf_token|token|nonce)"[^>]*value="([^"]*)"', page))
        headers = {"Sec-Fetch-Site": "same-origin"}
        answer = web.post(self.base + path, data={**hidden, **fields}, headers=headers, timeout=30)
        return self._noted(answer, shows_names)

    def _noted(self, answer: requests.Response, shows_names: bool) -> requests.Response:
        """`shows_names`: the page is for somebody who may see names; its addresses are looked at as well."""
        self.addresses |= {step.url for step in (*answer.history, answer)}
        self.addresses |= set(re.findall(r'(?:href|action|src)="([^"]*)"', answer.text))
        if not shows_names:
            self.public += [answer.content, repr(answer.headers).encode()]
        return answer


class Scratch:
    """Looks into every temporary file while it lives."""

    def __init__(self, folder: Path):
        self.folder, self.hits, self.over = folder, dict[str, object](), threading.Event()
        self.thread = threading.Thread(target=self._watch, daemon=True)
        self.thread.start()

    def stop(self) -> None:
        self.over.set()
        self.thread.join()

    def _watch(self) -> None:
        while not self.over.wait(0.2):
            try:
                self.hits |= hits_in_files(self.folder)
            except OSError:
                continue  # gone between being listed and being read
