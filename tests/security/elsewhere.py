"""Which addresses of another origin stand on a page, so that a browser would ask somebody else."""

import re

# Whatever a browser loads by itself or leads to: an address with a host. Not xmlns, which nobody loads.
_LOADED = re.compile(
    r"""(?:\b(?:src|srcset|href|action|formaction|poster|data|ping|cite)\s*=\s*["']?\s*|url\(\s*["']?|"""
    r"""@import\s+["'])((?:https?:|wss?:)?//[^"'\s>)]+)""",
    re.IGNORECASE,
)


# Our pages send no referrer, and it is a link: nobody is asked before somebody taps.
SHARED_BY = "https://wa.me/?text="


def from_elsewhere(text: str, origin: str) -> list[str]:
    """Addresses in a page or a style sheet that are not below `origin`, the public address; but for the one
    that words to share lead to, when somebody taps it."""
    results = (result for result in _LOADED.findall(text) if not f"{result}/".startswith(f"{origin}/"))
    return [result for result in results if not result.startswith(SHARED_BY)]
