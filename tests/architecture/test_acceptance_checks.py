"""Each acceptance check of docs/behaviour has a test that bears its number, or waits for work."""

from __future__ import annotations

from acceptance_checks import BEHAVIOUR, LATER, REFUSED, REST, checks, marked_tests, missing
from kyanite.contract.operations.index import MODULES
from support.contract_walk import routes

HAVE_NONE = {"rulings", "sla-policies"}


def test_every_file_numbers_its_checks() -> None:
    files = {file.stem for file in BEHAVIOUR.glob("*.md")} - HAVE_NONE
    assert {name for name, _ in checks()} == files
    assert len(checks()) == 121


def test_every_check_has_a_test_or_waits_for_an_operation() -> None:
    assert missing() == []


def test_every_number_that_a_test_bears_is_one_of_a_check() -> None:
    assert set(marked_tests()) <= set(checks())


def test_what_waits_waits_for_something_that_is_not_there() -> None:
    waiting = {(name, number): op for name, of in LATER.items() for number, op in of.items()}
    assert set(waiting) <= set(checks())
    assert set(waiting.values()) <= set(MODULES)
    assert not set(waiting.values()) & set(routes()), "it is there: write the test"
    assert not set(waiting) & set(marked_tests()), "it has a test: it waits no more"


def test_what_a_check_still_lacks_is_said_of_one_that_is_there() -> None:
    assert set(REST) <= set(marked_tests())
    assert set(REFUSED) <= set(checks()) - set(marked_tests())
