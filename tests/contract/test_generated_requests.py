"""Requests made up from the contract by schemathesis: well-formed ones and broken ones.

Whatever is sent, the answer is one that the contract declares, in its shape, and never a 500.
A few for each operation in every test run; many with `make test-all`, on both databases.
`KYANITE_EXAMPLES` sets how many, `KYANITE_SEED=1` makes others each time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings, strategies
from schemathesis import Case, GenerationMode

from support.contract_walk import assert_conforms, document, routes
from support.databases import ON_SQLITE
from support.inhabited import Inhabited

FEW, MANY = 6, int(os.environ.get("KYANITE_EXAMPLES", "100"))


def _kinds() -> Iterator[Any]:
    """Each operation with well-formed requests, and with broken ones where one can be broken."""
    for name, route in sorted(routes().items()):
        if name == "Login_Logout":
            continue  # it ends the token of all the other requests; the walk has it
        yield pytest.param(name, GenerationMode.POSITIVE, id=f"{name}-well-formed")
        if route.operation.query is not None or route.operation.body is not None:
            yield pytest.param(name, GenerationMode.NEGATIVE, id=f"{name}-broken")


EACH = pytest.mark.parametrize(("name", "mode"), list(_kinds()))


@pytest.fixture(scope="module")
def schema() -> Any:
    return schemathesis.openapi.from_dict(document())


def run(
    schema: Any,
    home: Inhabited,
    headers: dict[str, str],
    name: str,
    mode: GenerationMode,
    examples: int,
) -> None:
    operation = routes()[name].operation
    generated = schema[operation.path][operation.method]
    sign_in = operation.operation_id == "Login_Authenticate"

    @given(case=generated.as_strategy(generation_mode=mode), exists=strategies.booleans())
    @settings(
        max_examples=examples,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
        derandomize="KYANITE_SEED" not in os.environ,
        database=None,
    )
    def send(case: Case[Any], exists: bool) -> None:
        wanted = case.as_transport_kwargs(base_url="https://appliance.example.org")
        if exists:
            wanted["url"] = home.real_path(operation)
        sent = {k: v for k, v in (wanted.pop("headers", None) or {}).items() if v is not None}
        known = {} if sign_in else headers
        answer = home.client.request(headers=_plain(sent) | known, **_known(wanted))
        assert_conforms(operation, answer)

    send()


def _plain(headers: dict[str, Any]) -> dict[str, str]:
    """Headers that a client can send at all."""
    return {
        name: str(value)
        for name, value in headers.items()
        if str(value).isascii() and str(value).isprintable() and name.lower() != "authorization"
    }


def _known(wanted: dict[str, Any]) -> dict[str, Any]:
    names = ("method", "url", "params", "json", "data", "content")
    return {name: wanted[name] for name in names if wanted.get(name) is not None}


@EACH
@ON_SQLITE
def test_no_request_meets_a_surprise(
    schema: Any, home: Inhabited, headers: dict[str, str], name: str, mode: GenerationMode
) -> None:
    run(schema, home, headers, name, mode, FEW)


@pytest.mark.slow
@EACH
def test_no_request_of_very_many_meets_a_surprise(
    schema: Any, home: Inhabited, headers: dict[str, str], name: str, mode: GenerationMode
) -> None:
    run(schema, home, headers, name, mode, MANY)
