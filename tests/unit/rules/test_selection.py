"""Which machines a policy protects."""

from __future__ import annotations

import pytest

from kyanite.rules.selection import Candidate, Claim, Condition, Selection, Tag, resolve

WEST = frozenset({"westeurope"})
WEB = Candidate("web", "sub-a", "rg-1", "westeurope", {"Env": "prod", "tier": "web"})
SQL = Candidate("sql", "sub-a", "rg-2", "westeurope", {"env": "Prod"})
FAR = Candidate("far", "sub-b", "rg-3", "northeurope", {"env": "prod"})
ALL = (WEB, SQL, FAR)


@pytest.mark.acceptance("virtual-machines", 7)
@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        pytest.param(Selection(WEST, everything=True), ["web", "sql"], id="all of the regions"),
        pytest.param(
            Selection(frozenset({"West Europe"}), everything=True),
            ["web", "sql"],
            id="a region is compared without case and blanks",
        ),
        pytest.param(
            Selection(WEST, subscriptions=frozenset({"SUB-A"})), ["web", "sql"], id="subscription"
        ),
        pytest.param(
            Selection(WEST, subscriptions=frozenset({"sub-b"})),
            [],
            id="a subscription outside the regions protects nothing",
        ),
        pytest.param(Selection(WEST, resource_groups=frozenset({"rg-2"})), ["sql"], id="group"),
        pytest.param(Selection(WEST, machines=frozenset({"web"})), ["web"], id="machine"),
        pytest.param(
            Selection(WEST, tags=(Tag("env", "prod"),)),
            ["web"],
            id="tag names ignore case, tag values do not",
        ),
        pytest.param(
            Selection(WEST, conditions=(Condition((Tag("env", "prod"), Tag("tier", "web"))),)),
            ["web"],
            id="a condition needs all its tags",
        ),
        pytest.param(
            Selection(WEST, conditions=(Condition((Tag("env", "prod"),), "sub-b"),)),
            [],
            id="a condition needs its subscription too",
        ),
        pytest.param(
            Selection(WEST, conditions=(Condition((Tag("env", "Prod"),), None, "rg-2"),)),
            ["sql"],
            id="a condition with a group",
        ),
        pytest.param(
            Selection(WEST, everything=True, excluded_machines=frozenset({"web"})),
            ["sql"],
            id="an excluded machine is out",
        ),
        pytest.param(
            Selection(
                WEST,
                resource_groups=frozenset({"rg-1", "rg-2"}),
                excluded_machines=frozenset({"sql"}),
            ),
            ["web"],
            id="an excluded machine of a selected group is out",
        ),
        pytest.param(
            Selection(WEST, machines=frozenset({"web"}), excluded_tags=(Tag("tier", "web"),)),
            [],
            id="an excluded tag wins over a selected machine",
        ),
        pytest.param(Selection(WEST), [], id="nothing selected protects nothing"),
    ],
)
def test_a_policy_protects_what_it_selects(selection: Selection, expected: list[str]) -> None:
    resolved = resolve(ALL, Claim("p", 1, selection))
    assert [c.machine_id for c in resolved.protected] == expected
    assert not resolved.skipped


def test_a_machine_of_two_policies_belongs_to_the_smaller_priority() -> None:
    mine = Claim("mine", 2, Selection(WEST, everything=True))
    first = Claim("first", 1, Selection(WEST, machines=frozenset({"web"})))
    last = Claim("last", 3, Selection(WEST, everything=True))
    resolved = resolve(ALL, mine, [first, mine, last])
    assert [c.machine_id for c in resolved.protected] == ["sql"]
    assert resolved.skipped == {"web": "first"}
