"""The union's own list, and the layouts of the California school directory; a ruined one is refused."""

from pathlib import Path

import pytest

from mobilize.errors import Refused
from mobilize.roster.imports.reading.sites_reader import read_sites, site_account
from tests.roster.files import BIRCH, MAPLE, SITES, csv_bytes, site_list

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
EXPORT = ["CDS Code", "County", "District", "School", "Status", "Latitude", "Longitude", "Street Address"]
PUBSCHLS = ["CDSCode", "StatusType", "District", "School", "Street", "City", "Zip", "Latitude", "Longitude"]


def test_the_unions_own_list_says_area_and_who_is_represented() -> None:
    reading = read_sites(site_list())
    assert reading.sites[MAPLE].area == "North" and reading.sites[MAPLE].lat == 34.05
    assert site_account(reading)["sites"] == {"represented": 2, "by_area": {"Harbor": 1, "North": 2}}


def test_of_a_directory_only_open_schools_become_sites() -> None:
    rows = [
        [MAPLE, "LA", "Pine Unified", "Maple Elementary", "Active", "34.1", "-118.2", "1 Maple St"],
        [BIRCH, "LA", "Pine Unified", "Birch Middle", "Closed", "34.1", "-118.2", "2 Birch Ave"],
        ["19999990000004", "LA", "Pine Unified", "Oak High", "Merged", "", "", ""],
        [
            "19999990000005",
            "LA",
            "Oak Unified",
            "Elm High",
            "Active",
            "No Data",
            "Information Redacted",
            "No Data",
        ],
        ["19999990000000", "LA", "Pine Unified", "No Data", "Active", "", "", ""],
    ]
    reading = read_sites(csv_bytes([EXPORT, *rows]))
    assert list(reading.sites) == [MAPLE, "19999990000005"]
    assert reading.sites["19999990000005"].lat is None and reading.sites["19999990000005"].street == ""
    assert reading.skipped == {"not_active": 2, "district_row": 1}
    narrowed = read_sites(csv_bytes([EXPORT, *rows]), district="pine unified")
    assert list(narrowed.sites) == [MAPLE] and narrowed.skipped["other_district"] == 1


def test_a_district_that_is_not_there_is_refused_with_those_that_are() -> None:
    data = csv_bytes([EXPORT, [MAPLE, "LA", "Pine Unified", "Maple", "Active", "", "", ""]])
    with pytest.raises(Refused) as refusal:
        read_sites(data, district="Fir Unified")
    assert refusal.value.code == "unknown_district" and "Pine Unified" in refusal.value.message


def test_tab_text_in_latin_1_is_read() -> None:
    rows = [
        PUBSCHLS,
        [MAPLE, "Active", "Pine Unified", "Para Los Niños", "1 St", "X", "90001-1234", "34", "-118"],
    ]
    assert read_sites(csv_bytes(rows, "latin-1", delimiter="\t")).sites[MAPLE].name == "Para Los Niños"


@pytest.mark.parametrize("code", ["1.96473E+13", "1,96473E+13", " 2E+13 "])
def test_codes_ruined_by_a_spreadsheet_refuse_the_file_and_say_how_to_save_it(code: str) -> None:
    rows = [PUBSCHLS, [code, "Active", "Pine Unified", "Maple", "1 St", "X", "90001", "34", "-118"]]
    with pytest.raises(Refused) as refusal:
        read_sites(csv_bytes(rows, "cp1252"))
    assert refusal.value.code == "damaged_codes"
    for words in ("CDSCode", "line 2", "From Text/CSV", "to Text"):
        assert words in refusal.value.message


def test_a_roster_is_not_taken_for_a_list_of_sites() -> None:
    with pytest.raises(Refused, match="wrong_file"):
        read_sites(csv_bytes([["Employee No", "Last Name", "CDS Code", "School Name"]]))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ([*SITES[0], "x"], "malformed_row"),
        (["", *SITES[0][1:]], "bad_code"),
        ([BIRCH, "", *SITES[0][2:]], "missing_name"),
        (SITES[0], "repeated_code"),
    ],
)
def test_a_site_that_cannot_be_used_is_refused_with_its_reason(row: list[str], reason: str) -> None:
    assert site_account(read_sites(site_list(SITES[0], row)))["rejected_records"] == [[2, reason]]


@pytest.mark.parametrize(("lat", "lon"), [("0", "0"), ("x", "1"), ("nan", "1"), ("-118", "34"), ("", "")])
def test_an_impossible_place_is_no_place_and_the_site_is_kept(lat: str, lon: str) -> None:
    reading = read_sites(site_list([*SITES[0][:7], lat, lon]))
    assert reading.sites[MAPLE].lat is None and reading.sites[MAPLE].lon is None


@pytest.mark.parametrize(
    ("file", "district", "imported"),
    [
        ("sites.csv", None, 1014),
        ("cde_directory_export_2022-08_utf8.csv", "Los Angeles Unified", 1428),
        ("cde_pubschls_2018-06_latin1.txt", "Los Angeles Unified", 1021),
    ],
)
def test_the_real_directories_are_read(file: str, district: str | None, imported: int) -> None:
    reading = read_sites(_real(file), district=district)
    assert len(reading.sites) == imported and not reading.rejected
    if file == "sites.csv":
        assert site_account(reading)["sites"]["represented"] == 789


def test_the_real_ruined_directory_is_refused() -> None:
    with pytest.raises(Refused, match="damaged_codes"):
        read_sites(_real("cde_pubschls_2022-07_excel_damaged_cp1252.csv"), district="Los Angeles Unified")


def _real(file: str) -> bytes:
    if not (DATA / file).exists():
        print(f"{file} is not here: only the small invented lists are tested.")
        pytest.skip("no ../shared/data beside the project")
    return (DATA / file).read_bytes()
