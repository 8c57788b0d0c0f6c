"""Digits of an app and recovery codes, each good once."""

from datetime import timedelta

import pyotp
import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.accounts.models import (
    AuthenticatorApp,
    Person,
    RecoveryCode,
    RoleName,
)
from mobilize.accounts.second_factor.operations import SecondFactorProof, verify_second_factor
from mobilize.accounts.second_factor.recovery_codes import new_recovery_codes
from mobilize.accounts.second_factor.totp import use_app
from mobilize.database import db
from mobilize.errors import Refused
from tests.accounts.second_factor import NOW, app_for, by_link, half_in, is_in
from tests.builders import make_person


def test_digits_of_the_app_open_and_the_same_digits_never_again(olga: Person) -> None:
    totp = app_for(olga)
    later = NOW + timedelta(minutes=2)
    assert use_app(olga, totp.at(later), now=later)
    assert not use_app(olga, totp.at(later), now=later)
    assert not use_app(olga, totp.at(later - timedelta(seconds=30)), now=later)
    assert use_app(olga, totp.at(later + timedelta(seconds=30)), now=later + timedelta(seconds=30))


@pytest.mark.parametrize(("off", "good"), [(-60, False), (-30, True), (0, True), (30, True), (60, False)])
def test_a_clock_may_be_half_a_minute_off(olga: Person, off: int, good: bool) -> None:
    totp, later = app_for(olga), NOW + timedelta(minutes=10)
    assert use_app(olga, totp.at(later + timedelta(seconds=off)), now=later) is good


def test_the_app_is_set_up_by_its_digits_and_its_secret_is_sealed(client: FlaskClient, olga: Person) -> None:
    by_link(client, olga)
    page = client.post("/sign-in/set-up/app")
    row = db.session.scalars(select(AuthenticatorApp)).one()
    assert "<svg" in page.text and row.secret[:4] in page.text and row.secret.encode() not in row.secret_enc
    wrong = client.post("/sign-in/set-up/app", data={"step_code": "000000"})
    assert wrong.status_code == 422 and row.secret[:4] in wrong.text and not is_in(client)
    done = client.post("/sign-in/set-up/app", data={"step_code": pyotp.TOTP(row.secret).now()})
    assert "recovery codes" in done.text and is_in(client)


def test_a_recovery_code_opens_once_however_it_is_typed(olga: Person) -> None:
    app_for(olga)
    code, *others = new_recovery_codes(olga, now=NOW)
    assert len(others) == 9
    assert verify_second_factor(
        half_in(olga), SecondFactorProof(typed=f" {code.lower().replace('-', ' ')}."), now=NOW
    )
    with pytest.raises(Refused):
        verify_second_factor(half_in(olga), SecondFactorProof(typed=code), now=NOW)
    stored = b"".join(row.code_hash for row in db.session.scalars(select(RecoveryCode)))
    assert code.replace("-", "").encode() not in stored


def test_another_persons_recovery_code_opens_nothing(olga: Person) -> None:
    ada = make_person("Ada Stone", role=RoleName.ADMIN)
    code = new_recovery_codes(ada, now=NOW)[0]
    app_for(olga)
    with pytest.raises(Refused):
        verify_second_factor(half_in(olga), SecondFactorProof(typed=code), now=NOW)
