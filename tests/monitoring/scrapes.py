"""What Prometheus reads at the ports of a web server and of a worker."""

import time
from collections import Counter
from collections.abc import Callable, Iterable
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

# (name, its labels), and the value of each.
SeriesKey = tuple[str, tuple[tuple[str, str], ...]]
Series = dict[SeriesKey, float]


def scrape(port: int) -> Series:
    """One scrape of this port of the machine."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        families = text_string_to_metric_families(answer.read().decode())
        return {key(sample): sample.value for family in families for sample in family.samples}


def key(sample: Sample) -> SeriesKey:
    return sample.name, tuple(sorted(sample.labels.items()))


def value(series: Series, name: str, **labels: str) -> float:
    """The sum of what has this name and these labels."""
    chosen = set(labels.items())
    return sum(number for (one, its), number in series.items() if one == name and chosen <= set(its))


def scraped_when(ready: Callable[[Series], bool], *ports: int) -> Series:
    """All of these ports, as soon as that is so."""
    deadline, why = time.monotonic() + 120, ""
    while True:
        try:
            series = merged(scrape(port) for port in ports)
        except OSError as error:
            series, why = {}, str(error)
        if series and ready(series):
            return series
        if time.monotonic() > deadline:
            names = sorted({name for name, _ in series})
            raise AssertionError(f"not in two minutes; there is {names} {why}")
        time.sleep(0.3)


def merged(all_: Iterable[Series]) -> Series:
    """Both targets count some of the same things."""
    sums: Counter[SeriesKey] = Counter()
    for one in all_:
        sums.update(one)
    return dict(sums)


def names(series: Series) -> set[str]:
    return {name for name, _labels in series}
