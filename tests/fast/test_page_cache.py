"""A cached page with its gaps filled: the same bytes, compressed and not."""

import gzip

import pytest

from mobilize.fast.page_cache import CachedPage


@pytest.mark.parametrize("page", ["", "\ue000", "a\ue000b", "ñ\ue001\ue000" * 50, "long " * 5000 + "\ue002"])
@pytest.mark.parametrize("word", ["", "7:05 AM", "sesión " * 100])
def test_a_cached_page_is_the_same_compressed(page, word):
    cached, says = CachedPage(page), {"\ue000": word, "\ue001": "1,204"}
    assert gzip.decompress(cached._gzipped(says)).decode() == cached.filled(says)
    assert cached.filled(says) == page.replace("\ue000", word).replace("\ue001", "1,204").replace(
        "\ue002", ""
    )
