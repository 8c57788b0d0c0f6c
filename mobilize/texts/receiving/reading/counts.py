"""Head counts in a chair's own words: figures or number words, gates added, supporters apart.

Careful: several figures whose relation is not plain are no count, and the chair is asked for digits.
"""

import math
import re
from dataclasses import dataclass

from text_to_num import alpha2digit

from mobilize.texts.receiving.reading.codes import ONES, TENS
from mobilize.texts.receiving.reading.features import fold

HIGHEST = 99_999
# How phones misspell Spanish number words, and what they are read as.
_SPELLED = (
    (r"\bdieciseis\b", "dieciséis"),
    (r"\bveinti (?=un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|sinco)", "veinti"),
    (
        r"\b(treinta|cuarenta|cincuenta|sesenta|setenta|ochenta|noventa)i"
        r"(?=un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve)",
        r"\1 y ",
    ),
    (r"\bb?v?einti?(?=un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|sinco)", "veinti"),
    (r"\bventi?(?=un|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|sinco)", "veinti"),
    (r"\b(?:diesi|diez ?y ?)(?=seis|siete|ocho|nueve)", "dieci"),
    (r"\bdieciseis\b", "dieciséis"),
    (r"\bbeinte\b", "veinte"),
    (r"sinco\b", "cinco"),
    (r"\bveintidos\b", "veintidós"),
    (r"\bveintitres\b", "veintitrés"),
    (r"\bveintiseis\b", "veintiséis"),
    (r"\b(?:onse|onze)\b", "once"),
    (r"\bdose\b", "doce"),
    (r"\bcator[sz]e\b", "catorce"),
    (r"\bquin[sz]e\b", "quince"),
    (r"\bseiz\b", "seis"),
    (r"\bnuebe\b", "nueve"),
    (r"\bfourty\b", "forty"),
    (r"\bninty\b", "ninety"),
    (r"\b(eight|thirt|fourt|fift|sixt|sevent|nint|nine)t?(een)\b", r"\1\2"),
)
# "Thirty tres", "thirty 6", "thirtyeight".
_MIXED_TENS = re.compile(rf"\b({'|'.join(TENS)})(?:[ -]?(?:y )?({'|'.join(ONES)})|[ -]([1-9]))\b")

# Number words that count nobody: articles, "once we ...", "miles" and "cientos".
_NO_NUMBER = re.compile(
    r"(?<!nta y )(?<!^)\bun[oa]?\b(?!$)|\bun[oa]s\b|^un[oa]?\b(?= )|\bonce (?:i|we|they|you|the|he"
    r"|she)\b|\b(?:miles|ones)\b"
    r"|\b(?:cientos|hundreds)\b|\b(?:en|de) una?\b|\b(?:the|los|las) (?:two|dos|three|tres) of\b(?! us)"
    r"|\b(?:last|this|that|the|every|any) one\b|\bone(?= (?:of|left|more|very|big|is|was|said|brought"
    r"|went|got|called|had|fell|just|came)\b)"
)
_UNCLEAR = re.compile(
    r"\d ?%|(?<!take a )\bcouple\b(?! of us)"
    r"|\bmay ?be more"
    r"|\beither\b|\b(?:havent|no los he|no he|cant|cannot|let me|voy a|deme|dame) (?:\w+ )?(?:count"
    r"|contado|contar)"
    r"|\b(?:do|should) i (?:also )?count\b|\bhow (?:do|many)\b|\bask me\b|\busually\b|\bminus\b|\bno idea\b"
    r"|\b(?:everyone|everybody|todos) (?:but|menos|except)\b"
)
_NOBODY = re.compile(
    r"\b(?:nobody|none|nadie|ningun\w*|zero|cero|no (?:teachers?|members?|maestr[oa]s|staff|miembros))\b"
)
_ALONE = re.compile(
    r"^(?:\W*\b(?:its|im|soy|aqui|so|pues|right now|hasta ahora|por ahora)\b)*\W*"
    r"(?:(?:just|only|nomas|solo|solamente|puro) (?:me|yo|myself)|yo (?:sol[ao]|solit[ao])"
    r"|me and only me)\b"
)
_TWO = re.compile(
    r"^(?:(?:just|only|nomas|solo) )?(?:me (?:and|y)(?! m[yi]\b)|yo y|la maestra \w+ y yo)\b"
    r"|\band me$|\by yo$"
)
# Figures that count nobody: times, dates, rooms and gates by number, years, and things.
_THINGS = (
    r"\b\d{1,2}[:.]\d{2}\b(?:\s*[ap]\.? ?m\b\.?)?",
    r"\b\d{1,2}\s*[ap]\.?m\b\.?",
    r"\blas \d{1,2} y (?:\d+|media|cuarto)",
    r"\b(?:a|desde|hasta|son|para|como a) las \d+",
    r"\b(?:19|20)\d\d\b",
    r"\b\d+(?:st|nd|rd|th|[ªº])",
    r"\b\d+ de la (?:manana|tarde)|\bayer (?:\w+ )?\d+|\b\d+ (?:yesterday|ayer)\b",
    r"(?:(?<=gate)|(?<=line)|(?<=puerta)|(?<=entrada)) #?\d\b(?=\W*(?:\d|has|have|tiene|hay|is|are"
    r"|con|with|still))",
    r"(?<=\d at gate) #?\d\b|(?<=\d en la puerta) #?\d\b",
    r"\b(?:gates|doors|lines|puertas|lineas) \d (?:and|y) \d\b",
    r"\b(?:room|salon|bus|ruta|grade|grado|channel|canal|local|calle|street|on the|the 1|en la"
    r"|de la) #?\d+\b(?! of)",
    r"\b(?:at|as of|till|til|until|since|before|after|by|around|in|en) (?:[1-9]|1[0-2])\b(?=\W*(?:$|[,.;]"
    r"|and|y|but|pero|so|when|ok|right|if|the|we|i|min|hour))",
    r"\b\d+ (?:min|hour|hora|day|dia|block|cuadra|car|sign|cartel|pancarta|dog|perr|cat|gat[oa]|puppy"
    r"|puppies|cachorr|chihuahua|horse|caball|goat|chicken|mariachi|guitar|drum|tambor|tuba|band|stroller"
    r"|time"
    r"|vece|tries|sec"
    r"|moment|segund|degree|grados|year|anos|week|semana|patrull|schools|escuelas|gates|puertas|captain"
    r"|capitan|police|polici|scab|esquirol|sleep"
    r"|umbrella|paragua|donut|taco|cop"
    r"|manos|banquetas|counts|lados)\w*",
    r"\byesterdays \d+|\b(?:enough|suficiente) (?:for|para) \d+|\b(?:of them|de ellos|ellas) (?:is"
    r"|tiene|es) \d+",
    r"\b(?:would|wouldve|could|should) (?:be|have been) \d+|\bseriamos \d+",
)
# Figures of those who have left, or are counted already.
_AWAY = (
    r"(?:(?:still |out )?(?:at|al|en el|en la|with|con el) (?:the |their |su )?(?:dentist\w*|doctor\w*|home"
    r"|hospital|bathroom|restroom"
    r"|bano|casa|work|trabajo|store|starbucks|airport|court|corte|jury|cita)|(?:are |is |out |call(?:ed)?"
    r" (?:in )?|estan? |de |por )*"
    r"(?:sick|absent|enferm[oa]s?|malos?|on leave|de permiso|licencia|late|missing|no shows?|ausentes?"
    r"|faltan?|faltaron|on vacation"
    r"|de vacaciones|en camino|on (?:the|their) way|adentro|inside|scabs?))\b"
)
_COUNTED_OTHERWISE = (
    rf"\b\d+ (?:of us |more |mas )?{_AWAY}",
    r"\b(?:up|down) from \d+\b|\b(?:faltan?|faltaron|missing) \d+\b",
    r"\b\d+ (?:of them|de ell[oa]s)\b",
    r"\b\d+ (?:just |already |ya |had to |more |mas |q |que )*(?:left|leave|leaving|went|go|going"
    r"|se (?:fue|van|va)\w*"
    r"|fueron|fue|and[ae]n?|estan? en el bano|eran? de|are (?:in the bathroom|leaving)|walked up"
    r"|got off|se bajaron|just \w+)\b",
    r"\b(?:llegaron|arrived|vienen) \d+\b|(?<!plus )(?<!and )(?<!y )\b\d+ (?:more|mas) (?:se|just|got"
    r"|came|on the way|en camino|coming|llegaron)\b",
    r"\b(?:lost|se fueron|se fue|fueron|including|counting|incluyendo|contando|sin contar|excluding"
    r"|the other|mas the)"
    r" (?:a |the |los |las |to |a los |a las )*\d+\b",
)
_BEFORE_NOW = (
    r"\b(?:there were|was|had|started with|start with|thought(?: it was| we were| we had)?|said|dije"
    r"|(?:crei|pense|pensaba) que(?: eran| eramos)?"
    r"|le habia dicho|eran?|eramos|habia|habiamos"
    r"|empezamos con|went from|pasamos de los|teniamos|hace rato|antes|earlier|ignore(?: the| el)?"
    r"|olvide el|en vez de"
    r"|instead of|autocorrect for) "
    r"(?:like |como |about |only |solo |el |the |there )*\d+\b"
)
_CORRECTED = (
    r"\b\d+ ?(?:people|personas|\w+s)?[ ,.()?-]*(?:no[ ,.]+(?:wait|espera|espere|esperen|perate|perame"
    r"|perdon|sorry|hold on|digo)\w*"
    r"|no|wait|esper\w+|corrijo|perdon|sorry|digo|me equivoque|i mean|i meant|mejor dicho|make (?:that|it)"
    r"|correction"
    r"|correccion|oh|actually|oops|ups"
    r"|recounted|hold on|conmigo|\.\.+)[ ,.]+(?:[a-z]+[ ,.]+){0,2}?(?=\d+\b)"
)
_SETTLED = re.compile(
    r"\b(?:go with|pon|ponga|pongan|ponle|pongale|put|say|exacto|exactly|exact|lets say|digamos"
    r"|total(?: de| of)?|so|o sea|entonces|asi que"
    r"|quedamos|quedan|ahorita somos|ahora somos"
    r"|its now|right now its|now its) (?:like |como |only |solo |con |en |its |son |somos "
    r"|right now its )*(\d+)\b"
)
_IN_ALL = re.compile(r"\b(\d+) (?:en total|in total|total|in all|altogether)\b")
# The number of the one gate that is named, alone or beside one count.
_GATE = re.compile(r"\b(?:gate|door|line|puerta|entrada|entrance|reja|linea|room|salon) #?\d\b")
_SUPPORTER = (
    r"(?:parent|papa|padre|madre|mama|mom|dad|famil|student|estudiante|alumn|exalumn|kid|nin[oa]"
    r"|communit|comunidad|vecin|neighbor"
    r"|supporter|simpatizante|abuel|grand(?!es?\b)|reporter|volunt|amig|friend|jubilad|retire|clergy"
    r"|toddler|councilman|periodist"
    r"|pastor|priest|firefighter|bombero|schooler"
    r"|church|iglesia|ally|allies|aliad|walker|wife|husband)\w*"
)
_SUPPORTERS = re.compile(_SUPPORTER)
_OF_OTHERS = re.compile(
    r"(?:(?:of|de|from) (?:la |the |otro |another |other |las |los )*(?:comunidad|community|sindicato"
    r"|neighborhood|nurses union|laundromat)"
    r"|q(?:ue)? no son|who arent|not ours)"
)
_ONE_SUPPORTER = re.compile(
    rf"(?:\b(?:y|and|plus|mas)|,) (?:a|an|one|un|una) (?=(?:\w+ ){{0,2}}{_SUPPORTER})"
)
_RANGE = re.compile(r"\b(\d+) ?(?:-|–|to|a|or|o|u) ?(\d+)\b|\b(?:between|entre) (\d+) (?:and|y) (\d+)\b")
# The writer and some more: one is added.
# "30 something", "treinta y tantos": the lower end counts.
_AT_LEAST = re.compile(r"(?<=\d)(?: ?- ?| )(?:y )?(?:something|some|odd|tantos|tantas|pico|algo)\b(?! like)")
# "29 of 31", "44 out of 50 members": the first counts.
_OUT_OF = re.compile(r"\b(\d+) (?:out )?(?:of|de) (?:the |our |los |las |nuestros )?(\d+)\b")
# "23 plus me is 24": the last counts.
_SUMMED = re.compile(
    r"\b\d+ (?:plus|and|mas|y) (?:me|yo|\d+)(?: more| mas)? ?(?:is|are|makes|equals|=|son|da|hacen|somos)"
    r" (\d+)\b"
)
_AND_ME = re.compile(r"\b(?:me and|me plus|yo y|yo mas) (\d+) (?:others?|more|mas|otr[oa]s)\b")
# So many lines of so many, or so many at each of so many gates, or on each side.
_EACH = re.compile(
    r"\b(\d+) (?:lines|rows|groups|filas|lineas|grupos) (?:of|de) (\d+)\b"
    r"|\b(\d+) (?:at|on|in|en|de) (?:each|cada)(?: un[ao]?)? (?:of|de) (?:the |las |los )?(\d+)\b"
    r"|\b(\d+) (?:gates|lines|entrances|doors|puertas|lineas|entradas)\W+(\d+) (?:each|cada una?)\b"
    r"|\b(\d+) (?:(?:at|on|in|en) )?(?:each|per|cada|por) (?:gate|line|entrance|door|puerta|linea"
    r"|entrada)\W+(?:and |y )?"
    r"(?:we have |there are |hay |son |tenemos |x )?(\d+) (?:gates|lines|entrances|doors|puertas|lineas"
    r"|entradas)\b"
)
_EACH_SIDE = re.compile(r"\b(\d+) (?:on|at|de|en) (?:each|every|cada) (?:side|end|lado)\b")
_PLACE = re.compile(
    r"\b(?:gate|puerta|side|lado|entrance|entrada|lot|front|back|frente|atras|corner|esquina|main"
    r"|principal|reja|lateral|north"
    r"|south|east|west|norte|sur|este|oeste|parking|street|calle|yard|office|oficina|stop|parada"
    r"|sidewalk|banqueta|otr[oa]"
    r"|other|kinder|estacionamiento|across|lane|aqui|here|alla|there|enfrente|adelante)s?\b|\b(?:en"
    r"|at|on|in|por) (?:la|el|the)? ?\w+"
)
_STAFF = re.compile(
    r"\b(?:(?:wom[ae]n|m[ae]n|ladies|guys|mujer|hombre)\b|mujeres|hombres|teacher|maestr|profe|aide"
    r"|asistente|nurse|enfermer|driver|chofer|librarian|bibliotecari"
    r"|counselor|consejer|staff|member"
    r"|miembro|educator|sub|custodian|conserje|cafeteria|cociner|personal)\w*"
)


@dataclass(frozen=True)
class CountRead:
    """`heads` people on the line, and `supporters` named apart."""

    heads: int
    supporters: int = 0


@dataclass(frozen=True)
class _Figure:
    """A figure with the words before it, since the figure before, and those behind it."""

    value: int
    before: str
    behind: str


def read_count(text: str) -> CountRead | None:
    """The count in a text; None where there is none, or more figures than can be told apart. Of a range the
    lower end counts, of a correction the last figure."""
    plain = _multiplied(_AND_ME.sub(lambda match: str(1 + int(match[1])), _in_figures(text)))
    plain = _OUT_OF.sub(_share, _SUMMED.sub(r"\1", _AT_LEAST.sub("", plain)))
    if _UNCLEAR.search(plain):
        return None
    figures = _figures(_people_only(plain))
    if any(figure.value > HIGHEST for figure in figures):
        return None
    if not figures:
        return _without_figures(plain)
    apart = [figure for figure in figures if _is_of_supporters(figure)]
    own = [figure for figure in figures if figure not in apart]
    named = sum(figure.value for figure in apart)
    if len(own) + len(apart) > 2 and own[0].value == sum(figure.value for figure in own[1:]) + named:
        own = own[1:] if not _STAFF.search(own[0].behind[:20]) else own
    if not own:
        return CountRead(0, named) if _NOBODY.search(plain) or "puros" in plain else CountRead(named)
    total = _total(own, plain)
    return None if total is None else CountRead(total, named)


def _share(match: re.Match[str]) -> str:
    """The first of "29 of 31"; both where it is the greater, and no share."""
    return match[1] if int(match[1]) <= int(match[2]) else match[0]


def _multiplied(plain: str) -> str:
    """The text with the product instead of "10 at each of 3 gates"."""
    plain = _EACH.sub(lambda match: str(math.prod(int(one) for one in match.groups() if one)), plain)
    return _EACH_SIDE.sub(lambda match: str(2 * int(match[1])), plain)


def _without_figures(plain: str) -> CountRead | None:
    if _NOBODY.search(plain) and not re.search(r"\d", re.sub(_THINGS[0], "", plain)):
        return CountRead(0)
    if re.search(r"\d", plain):
        return None
    if _TWO.search(plain):
        return CountRead(2)
    return CountRead(1) if _ALONE.search(plain) else None


def _people_only(plain: str) -> str:
    """The text without figures of things and times, and without those that were corrected or are past."""
    for pattern in _THINGS:
        plain = re.sub(pattern, " ", plain)
    if len(re.findall(r"\d+", plain)) <= 2 and len(_GATE.findall(plain)) == 1:
        plain = _GATE.sub(" ", plain)
    for pattern in _COUNTED_OTHERWISE:
        plain = _unless_last(pattern, plain)
    plain = _RANGE.sub(_lower_end, plain)
    for pattern in (_CORRECTED, _BEFORE_NOW):
        for _again in range(3):
            plain = _unless_last(pattern, plain)
    return re.sub(r"\b(\d+)[ ,]+(?:not|no|sin) (\d+)\b", r"\1", plain)


def _lower_end(match: re.Match[str]) -> str:
    """The lower end of a range; where the ends are none, as "506-32" or "378-06", both as they are."""
    lower, higher = (end for end in match.groups() if end)
    is_range = int(lower) < int(higher) and not higher.startswith("0")
    return lower if is_range or lower == higher else f"{lower} and {higher}"


def _unless_last(pattern: str, plain: str) -> str:
    """The text without what matches, unless no figure would be left in it."""
    left = re.sub(pattern, " ", plain)
    return left if re.search(r"\d", left) else plain


def _figures(plain: str) -> list[_Figure]:
    pieces = re.split(r"(\d+)", plain)
    return [_Figure(int(pieces[n]), pieces[n - 1], pieces[n + 1]) for n in range(1, len(pieces), 2)]


def _total(figures: list[_Figure], plain: str) -> int | None:
    """One figure, or the same again, or the one that settles it, or a sum and its parts, or gates added."""
    values = [figure.value for figure in figures]
    with_me = re.search(r"\bplus me\b|\bmas yo\b", plain)
    parts = [bool(_PLACE.search(one.before[-25:]) or _PLACE.search(one.behind[:30])) for one in figures]
    if len(set(values)) == 1 and not (len(values) > 1 and all(parts)):
        return values[0] + bool(with_me)
    settled = _SETTLED.findall(plain) + _IN_ALL.findall(plain)
    if settled and int(settled[-1]) in values:
        return int(settled[-1])
    whole = [value for value in values if 2 * value == sum(values)]
    if whole and len(values) > 2:
        return whole[0]
    added = re.fullmatch(r"\W*\d\d+ ?(?:and|plus|\+|mas) ?\d\d+\W*", plain)
    staff = [_STAFF.search(one.behind[:20]) for one in figures]
    return sum(values) if added or all(parts) or all(staff) else None


def _is_of_supporters(figure: _Figure) -> bool:
    """Whether a figure counts them: by the first words behind it, or where it ends its clause, before it."""
    behind = re.split(r"[,.;:!?]", figure.behind)[0]
    words = re.findall(r"[a-z]+", behind)[:4]
    if words and words[0] not in {"y", "and"}:
        return any(_SUPPORTERS.fullmatch(word) for word in words) or bool(_OF_OTHERS.search(behind[:50]))
    before = re.findall(r"[a-z]+", re.split(r"[.;!?]", figure.before)[-1])[-3:]
    return any(_SUPPORTERS.fullmatch(word) for word in before)


def _in_figures(text: str) -> str:
    """Number words of both languages as figures, thousands without their comma, dozens multiplied."""
    plain = re.sub(r"(?<=\d),(?=\d{3}\b)", "", fold(text)).strip()
    plain = re.sub(r"(?<=\d)[ -]?ish\b|(?<=[a-z])-?ish\b", "", plain)
    for misspelled, spelled in _SPELLED:
        plain = re.sub(misspelled, spelled, plain)
    plain = re.sub(r"\bno ?one\b|\bni un(?: alma|[oa])\b|\bnot a soul\b", "nobody", plain)
    plain = re.sub(r"\b(?:a )?(?:dozen|docena) (?:and a half|y media)\b", "18", plain)
    plain = _MIXED_TENS.sub(
        lambda match: str(TENS[match[1]] + (ONES[match[2]] if match[2] else int(match[3]))), plain
    )
    plain = _NO_NUMBER.sub(" ", _ONE_SUPPORTER.sub(" and 1 ", plain))
    for language in ("es", "en"):
        plain = alpha2digit(plain, language, threshold=0)
    plain = re.sub(r"\b(?:half a|half|media) (?:dozen|docena)\b", "6", plain)
    plain = re.sub(
        r"\b(\d+) (?:(?:and a half|y media) (?:dozen|docenas?)|docenas y media)\b",
        lambda match: str(12 * int(match[1]) + 6),
        plain,
    )
    plain = re.sub(r"\b(\d+) (?:dozen|docenas?)\b", lambda match: str(12 * int(match[1])), plain)
    return re.sub(r"\b(?:a|una)? ?(?:dozen|docena)\b", "12", plain)
