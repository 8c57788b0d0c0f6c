"""What members, chairs, captains, organizers and the office read at length is written for grade 6."""

import re
from html import unescape

import pyphen
import pytest
from flask import Flask

from mobilize.home import guides
from mobilize.languages import LANGUAGES
from tests.services.client import BareClient

PAGES = [*(f"/guides/{name}" for name in guides.NAMES), "/texting/privacy", "/texting/terms"]
LONG = 100
BLOCK = re.compile(r"</(?:p|li|h[1-6]|td|th|dt|dd|label|button|blockquote|figcaption)>|<br>")
SENTENCE = re.compile(r"[.!?]+(?=\s|$)|\n")
WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
GRADE = 6.0
# Of the scale of Fernández Huerta from 0 to 100: 70 is where the sixth grade begins.
EASY = 70.0


def paragraphs(html: str) -> str:
    """The words of a page's <main>, a line for each paragraph, point of a list or cell; headings and labels
    of one to four words are no sentences, and are left out."""
    main = re.search(r"<main.*?</main>", html, re.DOTALL)
    assert main
    text = unescape(re.sub(r"<[^>]+>", " ", BLOCK.sub("\n", main[0].replace("\n", " "))))
    return "\n".join(line for line in text.split("\n") if len(WORD.findall(line)) > 4)


def measured(text: str, language: str) -> tuple[int, float, float]:
    """Words, words to a sentence, syllables to a word. Syllables are counted as hyphens could be set, which
    finds a few less than are spoken."""
    hyphens = pyphen.Pyphen(lang=language, left=1, right=1)
    words = WORD.findall(text)
    sentences = [part for part in SENTENCE.split(text) if WORD.search(part)]
    syllables = sum(len(hyphens.positions(word.lower())) + 1 for word in words)
    return len(words), len(words) / len(sentences), syllables / len(words)


def grade_of(text: str) -> float:
    """The Flesch-Kincaid grade level of an English text (Kincaid et al., 1975)."""
    _words, length, syllables = measured(text, "en_US")
    return 0.39 * length + 11.8 * syllables - 15.59


def ease_of(text: str) -> float:
    """The reading ease of a Spanish text (Fernández Huerta, 1959)."""
    _words, length, syllables = measured(text, "es")
    return 206.84 - 60 * syllables - 1.02 * length


def test_the_measures_tell_plain_words_from_a_contract() -> None:
    plain = "Stand by the gate at seven. Scan the code. Tell the chair who came with you."
    contract = (
        "Notwithstanding any provision to the contrary, participation in the aforementioned organizational "
        "activities constitutes acknowledgement of the applicable communication regulations."
    )
    assert grade_of(plain) < 4 and grade_of(contract) > 15
    assert ease_of("Ven a la puerta a las siete. Escanea el código. Di quién vino contigo.") > 85
    assert ease_of("La participación en las actividades mencionadas constituye aceptación.") < 50


@pytest.mark.parametrize("language", [code for code, one in LANGUAGES.items() if one.required])
@pytest.mark.parametrize("path", PAGES)
def test_a_long_text_is_read_at_the_end_of_a_long_day(sqlite_app: Flask, path: str, language: str) -> None:
    answer = BareClient(sqlite_app).get(path, headers={"Accept-Language": language})
    assert answer.status_code == 200
    text = paragraphs(answer.text)
    assert measured(text, "en_US")[0] >= LONG
    if language == "en":
        assert grade_of(text) <= GRADE, text
    else:
        assert ease_of(text) >= EASY, text
