"""Invented people and places: no school, town or person here exists. Phones are those kept for fiction."""

import random
from collections.abc import Iterator

from mobilize.languages import Translated

AREAS = (
    ("North Mesa", 34.742, -119.310),
    ("Foothills", 34.735, -119.160),
    ("Alder Valley", 34.668, -119.385),
    ("Old Town", 34.655, -119.262),
    ("Riverbend", 34.660, -119.120),
    ("Harbor", 34.560, -119.420),
    ("South Flats", 34.552, -119.270),
    ("Eastgate", 34.570, -119.105),
)
CITY, FIRST_ZIP = "Marisol", 90000
SITE_WORDS = (
    "Juniper Street", "Alder Creek", "Sycamore", "Camino Alto", "Fourth Street", "Quail Hollow",
    "Las Palomas",
    "Harborview", "Cypress Lane", "Manzanita", "Tenth Avenue", "Buena Tierra", "Willow Bend", "Orchard Row",
    "Mesa Linda", "Poppy Hill", "San Tobias", "Lantern Street", "Redbud", "Arroyo Claro", "Hawthorn",
    "Saltgrass", "Vista del Rio", "Maple Crossing", "Granite Ridge", "Los Nogales", "Ferry Road", "Larkspur",
    "Pepper Tree", "Santa Ynela", "Windmill", "Toyon", "Cannery Row South", "Meadowlark", "El Roble",
    "Stonebridge", "Sunfield", "La Paloma Norte", "Twin Oaks", "Sage Canyon", "Lighthouse", "Del Campo",
    "Chaparral", "Ironwood", "Monte Suave", "Birchfield", "Agua Mansa Sur", "Railyard", "Summit",
    "Cottonwood",
    "Bayberry", "Puente Viejo", "Elderberry", "Canyon Gate", "Heron Lake", "Las Flores Altas", "Brightwater",
    "Olive Hill", "Mariposa Sur", "Kingfisher",
)  # fmt: skip
# (kind, how many of the 60, fewest and most members)
SITE_KINDS = (
    ("Elementary", 38, 20, 42),
    ("Middle School", 11, 45, 70),
    ("High School", 7, 85, 130),
    ("Adult School", 2, 25, 40),
    ("Early Education Center", 2, 8, 16),
)
FIRST_NAMES = (
    "Ana", "Angela", "Beatriz", "Brian", "Carla", "Carlos", "Cecilia", "Chloe", "Claudia", "Daniel", "David",
    "Deborah", "Diego", "Elena", "Erica", "Esteban", "Felicia", "Gabriela", "Grace", "Hannah", "Héctor",
    "Irene", "Isabel", "Jasmine", "Javier", "Jennifer", "Jin", "Joaquín", "Joy", "Karen", "Kevin", "Laura",
    "Leticia", "Linda", "Lucía", "Luis", "Lupe", "Marcus", "María", "Mei", "Michael", "Miriam", "Nadia",
    "Narine", "Nicole", "Olivia", "Omar", "Pablo", "Patricia", "Priya", "Rafael", "Raquel", "Rosa",
    "Samuel",
    "Sandra", "Sofía", "Tamika", "Teresa", "Thuy", "Tomás", "Valeria", "Víctor", "Wendy", "Xochitl",
    "Yolanda",
)  # fmt: skip
LAST_NAMES = (
    "Aguilar", "Alvarado", "Anderson", "Arce", "Avakian", "Barajas", "Bell", "Brooks", "Bui", "Camacho",
    "Campbell", "Castañeda", "Cervantes", "Chang", "Cho", "Coleman", "Cooper", "Cruz", "Dávila", "Delgado",
    "Diaz", "Dixon", "Espinoza", "Estrada", "Fields", "Flores", "Foster", "Fuentes", "García", "Gibson",
    "Gómez", "Greene", "Gutiérrez", "Hakobyan", "Harris", "Hayes", "Hernández", "Herrera", "Ibarra",
    "Jackson",
    "Jiménez", "Johnson", "Kaplan", "Kim", "Lee", "Lozano", "Lucero", "Marín", "Mata", "Medina", "Méndez",
    "Miller", "Mitchell", "Molina", "Moreno", "Morgan", "Navarro", "Nguyen", "Núñez", "Ochoa", "Ortega",
    "Park", "Peña", "Pérez", "Petrosyan", "Phillips", "Quintero", "Ramírez", "Reed", "Reyes", "Ríos",
    "Robinson", "Rosales", "Salazar", "Sandoval", "Santos", "Serrano", "Silva", "Solís", "Stewart", "Tran",
    "Valdez", "Vargas", "Velasco", "Walker", "Washington", "Wright", "Yáñez", "Young", "Zamora",
)  # fmt: skip
# Area codes in use: in each of them the hundred numbers 555-0100 to 555-0199 belong to nobody.
AREA_CODES = (
    213, 209, 279, 310, 323, 341, 408, 415, 424, 442, 510, 530, 559, 562, 619, 626, 628, 650, 657, 661, 669,
    707, 714, 747, 760, 805, 818, 831, 858, 909, 916, 925, 949, 951,
)  # fmt: skip

RED_STICKER_DAY = Translated(en="Red sticker day", es="Día de la calcomanía roja")
FIRST_PICKET = Translated(en="First morning picket", es="Primer piquete matutino")
SECOND_PICKET = Translated(en="Second morning picket", es="Segundo piquete matutino")
CAMPAIGN = Translated(en="Schools Our Students Deserve", es="Las escuelas que merecen nuestros estudiantes")
DEMANDS = Translated(
    en="Smaller classes, in every grade\nA nurse and a counselor in every school, every day\n"
    "Pay that lets educators live where they teach\nGreen, safe school yards",
    es="Clases más pequeñas, en todos los grados\nEnfermera y consejera en cada escuela, todos los días\n"
    "Un sueldo con que se pueda vivir donde se enseña\nPatios verdes y seguros",
)


def phones() -> Iterator[str]:
    """Numbers kept for fiction, each once; some of the first area code are for the demo itself."""
    for code in AREA_CODES:
        for last in range(10 if code == AREA_CODES[0] else 0, 99):
            yield f"+1{code}5550{100 + last}"


def person_name(rng: random.Random) -> tuple[str, str]:
    """(last, first); one in six has two surnames."""
    last = rng.choice(LAST_NAMES)
    return (f"{last} {rng.choice(LAST_NAMES)}" if rng.random() < 0.16 else last), rng.choice(FIRST_NAMES)


def site_names(rng: random.Random) -> list[tuple[str, int]]:
    """(name, members) of the 60 schools."""
    words = list(SITE_WORDS)
    rng.shuffle(words)
    sites = []
    for kind, count, fewest, most in SITE_KINDS:
        sites += [(f"{words.pop()} {kind}", rng.randint(fewest, most)) for _n in range(count)]
    return sites
