"""Who guesses passwords is locked out; whoever does not is not bothered."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import func, select

from kyanite.areas.access.lockout import Attempt, Lockout
from kyanite.areas.access.sign_ins import SignIns
from kyanite.areas.access.tables import LoginAttemptRow, SignInLockRow
from kyanite.base.errors import Unauthenticated
from kyanite.db.database import Database
from support.api import ADMIN, PASSWORD, ApiUnderTest

LOGIN = "/api/oauth2/token"


@pytest.fixture
def api(database: Database) -> Iterator[ApiUnderTest]:
    api = ApiUnderTest(database)
    yield api
    api.close()


def guess(api: ApiUnderTest, name: str = ADMIN, password: str = "wrong") -> Response:
    return api.client.post(LOGIN, data={"username": name, "password": password})


@pytest.mark.parametrize("name", [ADMIN, "nobody"])
def test_after_five_wrong_passwords_nothing_is_looked_at_for_a_while(
    api: ApiUnderTest, name: str
) -> None:
    for _ in range(5):
        answer = guess(api, name)
        assert answer.status_code == 401
        assert "retry-after" not in answer.headers
    locked = guess(api, name, PASSWORD)
    assert (locked.status_code, locked.headers["retry-after"]) == (401, "1")
    api.clock.advance(timedelta(seconds=1))
    expected = 200 if name == ADMIN else 401
    assert guess(api, name, PASSWORD).status_code == expected


def test_the_lock_is_twice_as_long_after_each_further_failure(api: ApiUnderTest) -> None:
    for _ in range(5):
        guess(api)
    waits = []
    for _ in range(11):
        wait = int(guess(api).headers["retry-after"])
        waits.append(wait)
        api.clock.advance(timedelta(seconds=wait))
        assert "retry-after" not in guess(api).headers  # looked at, and wrong
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900]


def test_what_is_not_looked_at_does_not_make_it_longer(api: ApiUnderTest) -> None:
    for _ in range(5):
        guess(api)
    for _ in range(50):
        assert guess(api).headers["retry-after"] == "1"
    api.clock.advance(timedelta(seconds=1))
    assert guess(api, password=PASSWORD).status_code == 200


def test_a_success_forgets_the_failures(api: ApiUnderTest) -> None:
    for _ in range(3):
        for _ in range(4):
            guess(api)
        assert guess(api, password=PASSWORD).status_code == 200


def test_a_restart_forgives_nothing(api: ApiUnderTest) -> None:
    for _ in range(5):
        guess(api)
    again = ApiUnderTest(api.database)
    assert guess(again, password=PASSWORD).headers["retry-after"] == "1"
    again.close()


def test_a_user_is_not_locked_out_where_it_is_known_by_somebody_elsewhere(
    api: ApiUnderTest,
) -> None:
    sign_ins = api.provisions.get(SignIns)
    sign_ins.with_password(ADMIN, PASSWORD, address="10.0.0.1")
    for address in ("10.6.6.6", "10.6.6.7"):
        for _ in range(3):
            with pytest.raises(Unauthenticated):
                sign_ins.with_password(ADMIN, "wrong", address=address)
    with pytest.raises(Unauthenticated, match="seconds"):
        sign_ins.with_password(ADMIN, PASSWORD, address="10.0.0.2")
    sign_ins.with_password(ADMIN, PASSWORD, address="10.0.0.1")


def test_an_address_that_tries_many_names_has_to_wait(api: ApiUnderTest) -> None:
    sign_ins = api.provisions.get(SignIns)
    sign_ins.with_password(ADMIN, PASSWORD, address="10.0.0.1")
    for number in range(50):
        with pytest.raises(Unauthenticated, match=r"wrong\.$"):
            sign_ins.with_password(f"somebody-{number}", "wrong", address="10.0.0.1")
    with pytest.raises(Unauthenticated, match="seconds"):
        sign_ins.with_password("yet-another", "wrong", address="10.0.0.1")
    sign_ins.with_password(ADMIN, PASSWORD, address="10.0.0.1")  # known there
    with pytest.raises(Unauthenticated, match=r"wrong\.$"):
        sign_ins.with_password("yet-another", "wrong", address="10.0.0.2")


def test_of_guesses_at_the_same_time_as_many_are_looked_at_as_one_after_the_other(
    api: ApiUnderTest,
) -> None:
    threads = [threading.Thread(target=guess, args=(api,)) for _ in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with api.database.reading() as db:
        looked_at = db.scalar(select(func.count()).select_from(LoginAttemptRow))
    assert looked_at is not None
    assert looked_at <= 6


def test_names_without_end_fill_neither_memory_nor_disk(
    api: ApiUnderTest,
) -> None:
    lockout = Lockout(api.clock, most_failed_attempts=10, most_names=20)
    for number in range(60):
        api.clock.advance(timedelta(seconds=1))
        with api.database.writing() as db:
            lockout.failed(db, Attempt("x" * 10_000 + str(number), f"10.0.0.{number}"))
            lockout.failed(db, Attempt(f"somebody-{number}", f"10.0.0.{number}"))
    with api.database.reading() as db:
        assert (db.scalar(select(func.count()).select_from(LoginAttemptRow)) or 0) <= 10
        assert (db.scalar(select(func.count()).select_from(SignInLockRow)) or 0) <= 23
        longest = db.scalar(select(func.max(func.length(SignInLockRow.name))))
    assert longest is not None
    assert longest < 400


def test_a_locked_name_is_answered_as_fast_whether_it_exists_or_not(api: ApiUnderTest) -> None:
    seconds: dict[str, float] = {}
    for name in (ADMIN, "nobody"):
        for _ in range(5):
            guess(api, name)
        began = time.perf_counter()
        for _ in range(20):
            guess(api, name)
        seconds[name] = time.perf_counter() - began
    assert 0.2 < seconds[ADMIN] / seconds["nobody"] < 5
