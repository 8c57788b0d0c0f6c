"""Text made to fit its place on paper: one line in the largest size, or blocks of several lines.

For posters and sheets, whose places are fixed; reports flow over pages (`report_pages`).
"""

from dataclasses import dataclass

from mobilize.printing.fonts import CAPITAL, LEADING, printable, text_width


@dataclass(frozen=True, slots=True)
class FittedText:
    """Lines of one font and size that are known to fit: what `fit` answers and `draw` takes."""

    lines: tuple[str, ...]
    font: str
    size: float

    @property
    def height(self) -> float:
        """From the top of the first line's capitals to the last line's baseline, in points."""
        return self.size * (CAPITAL + LEADING * (len(self.lines) - 1)) if self.lines else 0.0


def fit(text: str, font: str, *, width: float, largest: float, smallest: float) -> FittedText:
    """`text` on one line of `width` points, between `largest` and `smallest` in size.
    What is too long even for `smallest` is cut with an ellipsis: nothing ever runs out of its place."""
    line = " ".join(printable(text).split())
    size = min(largest, width / max(text_width(line, font), 0.001))
    if size >= smallest:
        return FittedText((line,), font, size)
    return FittedText((_shortened(line, font, width / smallest),), font, smallest)


def fit_blocks(
    blocks: tuple[tuple[str, ...], ...],
    font: str,
    *,
    width: float,
    height: float,
    gap: float = 0.0,
    largest: float,
    smallest: float,
) -> tuple[tuple[FittedText, ...], ...]:
    """Several blocks of paragraphs in one common size, the largest at which each block fits into `width` by
    `height` points with `gap` between its paragraphs. Two languages side by side come out equal.

    At `smallest` endless words are broken and what is still too long is cut with an ellipsis.
    """
    written = tuple(tuple(tuple(printable(text).split()) for text in block) for block in blocks)
    size = largest
    while True:
        wrapped = tuple(tuple(_wrap(words, font, width / size) for words in block) for block in written)
        if all(_block_fits(block, size, gap, height) for block in wrapped):
            return tuple(
                tuple(FittedText(_even(words, font, width / size), font, size) for words in block)
                for block in written
            )
        if size <= smallest:
            return tuple(_cut_block(block, font, size, width, height, gap) for block in written)
        size = max(size - 0.25, smallest)


def _wrap(words: tuple[str, ...], font: str, room: float) -> tuple[str, ...] | None:
    """Lines of at most `room` (in parts of the size); None when a single word is wider than that."""
    lines: list[str] = []
    used, space = 0.0, text_width(" ", font)
    for word in words:
        width = text_width(word, font)
        if width > room:
            return None
        if lines and used + space + width <= room:
            lines[-1] += f" {word}"
            used += space + width
        else:
            lines.append(word)
            used = width
    return tuple(lines)


def _block_fits(block: tuple[tuple[str, ...] | None, ...], size: float, gap: float, height: float) -> bool:
    if any(lines is None for lines in block):
        return False
    used = sum(size * (CAPITAL + LEADING * (len(lines or ()) - 1)) for lines in block)
    return used + gap * (len(block) - 1) <= height


def _even(words: tuple[str, ...], font: str, room: float) -> tuple[str, ...]:
    """The same number of lines, in the narrowest room that still holds them."""
    best = _wrap(words, font, room) or ()
    narrow, wide = 0.0, room
    for _ in range(8 if len(best) > 1 else 0):
        middle = (narrow + wide) / 2
        wrapped = _wrap(words, font, middle)
        if wrapped is not None and len(wrapped) <= len(best):
            best, wide = wrapped, middle
        else:
            narrow = middle
    return best


def _cut_block(
    block: tuple[tuple[str, ...], ...], font: str, size: float, width: float, height: float, gap: float
) -> tuple[FittedText, ...]:
    each = (height - gap * (len(block) - 1)) / max(len(block), 1)
    count = max(int((each / size - CAPITAL) / LEADING) + 1, 1)
    return tuple(FittedText(_cut(words, font, width / size, count), font, size) for words in block)


def _cut(words: tuple[str, ...], font: str, room: float, count: int) -> tuple[str, ...]:
    pieces = tuple(piece for word in words for piece in _broken(word, font, room))
    lines = _wrap(pieces, font, room) or ()
    if len(lines) <= count:
        return lines
    return (*lines[: count - 1], _shortened(f"{lines[count - 1]} {lines[count]}", font, room))


def _shortened(line: str, font: str, room: float) -> str:
    while line and text_width(f"{line}…", font) > room:
        line = line[:-1]
    return f"{line.rstrip()}…"


def _broken(word: str, font: str, room: float) -> list[str]:
    pieces = [""]
    for letter in word:
        if pieces[-1] and text_width(pieces[-1] + letter, font) > room:
            pieces.append("")
        pieces[-1] += letter
    return pieces
