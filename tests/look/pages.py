"""One look at a page: what axe finds in each theme, and what moves sideways."""

from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# A small phone (which is a desk of 1280 at 400 %), a phone, a tablet, a desk.
WIDTHS = (320, 390, 768, 1440)
HEIGHTS = {320: 568, 390: 844, 768: 1024, 1440: 900}
# What is wider than the page, named so that it is found.
TOO_WIDE = """() => {
  const page = document.documentElement;
  if (page.scrollWidth <= innerWidth) return null;
  const wide = [...document.querySelectorAll('main *, header *, nav *, footer *')]
    .filter((one) => one.getBoundingClientRect().right > innerWidth + 1)
    .filter((one) => !one.closest('.table, .tabs, [hidden]'));
  const last = wide[wide.length - 1];
  return `${page.scrollWidth} px: ${last ? last.outerHTML.slice(0, 120) : ''}`;
}"""


@dataclass
class Looked:
    """Pages that were looked at, and what was found: by page, in words."""

    pages: int = 0
    findings: dict[str, set[str]] = field(default_factory=dict)

    def note(self, page: str, finding: str) -> None:
        self.findings.setdefault(page, set()).add(finding)

    def in_words(self) -> str:
        """A line for each finding; nothing where there is none."""
        return "\n".join(
            f"{page}: {one}" for page, of_page in self.findings.items() for one in sorted(of_page)
        )


def look_at(page: Page, name: str, looked: Looked) -> None:
    """The page that is open, in its language: light at a desk and dark on a phone, and at each width."""
    looked.pages += 1
    for theme, width in (("light", 1440), ("dark", 390)):
        page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        for one in Axe().run(page).response["violations"]:
            looked.note(name, f"{theme} {_in_words(one)}")
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        if wide := page.evaluate(TOO_WIDE):
            looked.note(name, f"moves sideways at {width} px: {wide}")


def _in_words(violation: dict[str, Any]) -> str:
    nodes = violation["nodes"]
    return f"{violation['id']} ({len(nodes)}): {nodes[0]['html'][:120]}"
