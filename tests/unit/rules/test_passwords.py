"""Which passwords are good enough: a table."""

from __future__ import annotations

import pytest

from kyanite.rules.passwords import weakness


@pytest.mark.parametrize(
    ("password", "good"),
    [
        ("short-Pw1", False),
        ("only-lower-case-letters", False),
        ("ALLUPPER1234", False),
        ("x" * 70 + "A1-", False),
        ("lower-and-digits-1", True),
        ("Lower-and-upper", True),
        ("Correct-horse-9-battery", True),
        ("Größe-des-Zaunes-7", True),
        ("Password1234", False),
        ("P@ssw0rd1234", False),
        ("Qwerty123456!", False),
        ("iloveyou1A!!", False),
        ("Administrator1", False),
        ("Aa1!" * 18, False),
    ],
)
def test_a_password_follows_the_rule_and_is_not_guessed_first(password: str, good: bool) -> None:
    assert (weakness(password) is None) == good


def test_the_own_name_makes_no_password() -> None:
    assert weakness("Maximilienne42") is None
    assert weakness("Maximilienne42", ["maximilienne"]) is not None
