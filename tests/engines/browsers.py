"""Firefox and WebKitGTK as phones, each driven by its own driver, behind one small face."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Protocol

from marionette_driver.errors import MarionetteException
from marionette_driver.marionette import Marionette
from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.webkitgtk.options import Options
from selenium.webdriver.webkitgtk.service import Service

from mobilize.demo import child_process
from tests.services import NotAvailable, free_port

PACKAGES = ("firefox-esr", "webkit2gtk-driver", "xvfb")
PROGRAMS = ("firefox-esr", "WebKitWebDriver", "Xvfb")
PATIENCE_S = 30.0
PHONE = (390, 844)

# The element that says or is labelled so, and is on the page to be seen; arguments: words, css.
FIND = """
const [words, css] = arguments;
const says = (e) => (e.getAttribute('aria-label') || e.textContent).replace(/\\s+/g, ' ').trim();
const seen = (e) => e.getClientRects().length && getComputedStyle(e).visibility !== 'hidden';
const labelled = (e) => e.labels && [...e.labels].some((label) => says(label) === words);
const found = [...document.querySelectorAll(css)].find((e) => seen(e) && (says(e) === words || labelled(e)));
found?.scrollIntoView({ block: 'center', behavior: 'instant' }); // not under the bar at the foot of the page
return found || null;
"""


class Driver(Protocol):
    """The interface of both drivers."""

    def go(self, url: str) -> None: ...
    def run(self, script: str, *arguments: object) -> Any: ...
    def add_cookie(self, name: str, value: str) -> None: ...
    def picture(self) -> bytes: ...
    def kill(self) -> None: ...


class Firefox:
    """Debian's Firefox, headless, through the Marionette server it carries; keeps its profile in `folder`."""

    name = "firefox"
    keeps_its_profile = True

    def __init__(self, folder: Path):
        folder.mkdir(exist_ok=True)
        port = free_port()
        (folder / "user.js").write_text(
            f'user_pref("marionette.port", {port});\n'
            'user_pref("app.normandy.enabled", false);\n'
            'user_pref("app.update.enabled", false);\n'
            'user_pref("browser.safebrowsing.downloads.remote.enabled", false);\n'
            'user_pref("browser.shell.checkDefaultBrowser", false);\n'
            'user_pref("datareporting.policy.dataSubmissionEnabled", false);\n'
            'user_pref("extensions.systemAddon.update.enabled", false);\n'
            'user_pref("intl.accept_languages", "en-US");\n'
            'user_pref("network.captive-portal-service.enabled", false);\n'
            'user_pref("network.connectivity-service.enabled", false);\n'
            'user_pref("network.dns.disableIPv6", true);\n'
            'user_pref("services.settings.server", "data:,");\n'
            'user_pref("toolkit.telemetry.enabled", false);\n'
        )
        argv = ["firefox-esr", "--headless", "--marionette", "--no-remote", "--profile", str(folder)]
        with (folder / "browser.log").open("ab") as log:
            self._process = child_process.start(argv, {**os.environ, "HOME": str(folder), "TZ": "UTC"}, log)
        self._client = Marionette(host="127.0.0.1", port=port, socket_timeout=60)
        _until(self._start_session, "Firefox")

    def _start_session(self) -> bool:
        with suppress(OSError, MarionetteException):
            self._client.start_session()
            self._client.set_window_rect(width=PHONE[0], height=PHONE[1])
            return True
        return False

    def go(self, url: str) -> None:
        self._client.navigate(url)

    def run(self, script: str, *arguments: object) -> Any:
        return self._client.execute_script(script, script_args=list(arguments), new_sandbox=False)

    def add_cookie(self, name: str, value: str) -> None:
        cookie = {"name": name, "value": value, "path": "/", "expiry": int(time.time()) + 86_400}
        self._client.add_cookie(cookie)

    def picture(self) -> bytes:
        return bytes(self._client.screenshot(format="binary", full=False))

    def kill(self) -> None:
        child_process.kill(self._process)


class WebKit:
    """WebKitGTK's small browser, on a screen that nobody sees. Its profile lives as long as it runs."""

    name = "webkit"
    keeps_its_profile = False

    def __init__(self, folder: Path):
        folder.mkdir(exist_ok=True)
        display = f":{free_port()}"
        screen = ["Xvfb", display, "-screen", "0", "800x1200x24", "-nolisten", "tcp"]
        with (folder / "screen.log").open("ab") as log:
            self._screen = child_process.start(screen, os.environ, log)
        number = display.removeprefix(":")
        _until(Path(f"/tmp/.X11-unix/X{number}").exists, "Xvfb")
        environ = {**os.environ, "DISPLAY": display, "HOME": str(folder)}
        if os.geteuid() == 0:  # its sandbox wants an ordinary user, or namespaces of its own
            environ["WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS"] = "1"
        self._driver = webdriver.WebKitGTK(
            options=Options(), service=Service(shutil.which("WebKitWebDriver"), env=environ)
        )
        self._driver.set_window_rect(width=PHONE[0], height=PHONE[1])

    def go(self, url: str) -> None:
        self._driver.get(url)

    def run(self, script: str, *arguments: object) -> Any:
        return self._driver.execute_script(script, *arguments)

    def add_cookie(self, name: str, value: str) -> None:
        self._driver.add_cookie({"name": name, "value": value, "path": "/"})

    def picture(self) -> bytes:
        return self._driver.get_screenshot_as_png()

    def kill(self) -> None:
        with suppress(WebDriverException):
            self._driver.quit()
        child_process.stop(self._screen)


ENGINES = (Firefox, WebKit)


class Phone:
    """A person's phone: goes to addresses, reads, types and presses what can be seen. Waits up to 30 s."""

    def __init__(self, driver: Driver):
        self.driver = driver

    def go(self, url: str) -> None:
        self.driver.go(url)

    def press(self, words: str) -> None:
        """Press the button, link or summary that says `words`."""
        self._find(words, "button, a, summary").click()

    def type(self, label: str, text: str) -> None:
        field = self._find(label, "input, textarea, select")
        field.clear()
        field.send_keys(text)

    def reads(self, words: str) -> None:
        """Wait until `words` are to be read."""
        _until(lambda: words in self.text(), f"“{words}”", self.text)

    def reads_no_more(self, words: str) -> None:
        _until(lambda: words not in self.text(), f"no “{words}”", self.text)

    def text(self) -> str:
        """The text of the page, white space folded."""
        read = self.driver.run("return document.body ? document.body.innerText : ''")
        return " ".join(str(read).split())

    def until(self, expression: str) -> None:
        """Wait until a JavaScript expression, or the promise it is, comes true."""
        script = "return document.documentElement.dataset.comesTrue === 'yes';"
        probe = f"""
          const place = document.documentElement.dataset;
          place.comesTrue = 'no';
          const tell = (is) => {{ place.comesTrue = is ? 'yes' : 'no'; }};
          Promise.resolve({expression}).then(tell, () => tell(false));"""

        def is_true() -> bool:
            self.driver.run(probe)
            time.sleep(0.1)
            return bool(self.driver.run(script))

        _until(is_true, expression)

    def _find(self, words: str, css: str) -> Any:
        results: list[Any] = []

        def look() -> bool:
            results[:] = [self.driver.run(FIND, words, css)]
            return results[0] is not None

        _until(look, f"“{words}” to press", self.text)
        return results[0]


@contextmanager
def phones(folder: Path) -> Iterator[Any]:
    """Opens phones by engine and name, and ends them all."""
    opened: list[Driver] = []

    def open_phone(engine: type, name: str = "mia") -> Phone:
        driver = engine(folder / f"{engine.name}-{name}")
        opened.append(driver)
        return Phone(driver)

    yield open_phone
    for driver in opened:
        driver.kill()


def ensure_installed() -> None:
    """Raises `NotAvailable`, naming the packages, unless every program is there or could be installed."""
    if all(map(shutil.which, PROGRAMS)):
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for arguments in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", *arguments], env=environ, timeout=900, check=False)
    if not all(map(shutil.which, PROGRAMS)):
        raise NotAvailable(f"Other browsers are missing: apt-get install {' '.join(PACKAGES)}")


def _until(true: Any, what: str, page: Any = lambda: "") -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline, f"waited in vain for {what}. The page: {page()}"
        time.sleep(0.1)
