"""`python -m tests.new_language hy`: an empty catalogue in another language, its plurals as CLDR has them."""

import sys
from pathlib import Path

from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from babel.plural import to_gettext

ROOT = Path(__file__).parents[1]
COLLECTED = ROOT / ".venv/words.pot"
CATALOGUES = ROOT / "mobilize/translations"


def new_catalogue(language: str) -> Catalog:
    """An empty catalogue, its header filled in.

    Babel's own table gives Armenian, Georgian, Hungarian, Persian and Turkish one plural form; CLDR has two.
    """
    catalogue = Catalog(language, fuzzy=False)
    if catalogue.num_plurals == 1:
        catalogue.mime_headers = [("Plural-Forms", to_gettext(Locale.parse(language).plural_form))]
    return catalogue


def write(catalogue: Catalog, folder: Path) -> Path:
    """The file where pages look for it. Raises `FileExistsError` where that language was begun before."""
    path = folder / str(catalogue.locale) / "LC_MESSAGES" / "messages.po"
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        write_po(file, catalogue, width=0)
    return path


def main() -> None:
    catalogue = new_catalogue(sys.argv[1])
    with COLLECTED.open("rb") as file:
        catalogue.update(read_po(file), no_fuzzy_matching=True)
    print(write(catalogue, CATALOGUES).relative_to(ROOT))


if __name__ == "__main__":
    main()
