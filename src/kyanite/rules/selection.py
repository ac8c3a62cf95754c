"""Which machines a policy protects: docs/behaviour/virtual-machines.md, section 3.

The candidates of a policy are the machines in its regions that its service account sees.
Everything selected is OR-ed, every condition is an AND, exclusion always wins, and of several
policies that want the same machine the one with the smallest priority number gets it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from kyanite.base.azure_names import region_code


@dataclass(frozen=True)
class Tag:
    """A tag to match: names compare without regard to case, values exactly, as in Azure."""

    name: str
    value: str


@dataclass(frozen=True)
class Candidate:
    """A machine as selection sees it."""

    machine_id: str
    """System id."""
    subscription_id: str
    resource_group_id: str
    """System id of its resource group."""
    region: str
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Condition:
    """All of these at once: every tag, and the subscription or the group when one is named."""

    tags: tuple[Tag, ...]
    subscription_id: str | None = None
    resource_group_id: str | None = None


@dataclass(frozen=True)
class Selection:
    """What a policy protects.

    ``everything`` is the backup type ``AllSubscriptions``; the other members count only
    without it. Excluded machines and tags count always.
    """

    regions: frozenset[str]
    everything: bool = False
    subscriptions: frozenset[str] = frozenset()
    resource_groups: frozenset[str] = frozenset()
    machines: frozenset[str] = frozenset()
    tags: tuple[Tag, ...] = ()
    conditions: tuple[Condition, ...] = ()
    excluded_machines: frozenset[str] = frozenset()
    excluded_tags: tuple[Tag, ...] = ()


@dataclass(frozen=True)
class Claim:
    """A policy that takes part in the question whose a machine is."""

    policy_id: str
    priority: int
    selection: Selection


def carries(candidate: Candidate, tag: Tag) -> bool:
    """Whether the machine has the tag with exactly this value."""
    return any(
        name.lower() == tag.name.lower() and value == tag.value
        for name, value in candidate.tags.items()
    )


def _meets(candidate: Candidate, condition: Condition) -> bool:
    if condition.subscription_id is not None and (
        candidate.subscription_id.lower() != condition.subscription_id.lower()
    ):
        return False
    if condition.resource_group_id is not None and (
        candidate.resource_group_id != condition.resource_group_id
    ):
        return False
    return all(carries(candidate, tag) for tag in condition.tags)


def is_selected(candidate: Candidate, selection: Selection) -> bool:
    """Whether the machine belongs to the policy's set (before any other policy is asked)."""
    if region_code(candidate.region) not in {region_code(r) for r in selection.regions}:
        return False
    if candidate.machine_id in selection.excluded_machines:
        return False
    if any(carries(candidate, tag) for tag in selection.excluded_tags):
        return False
    if selection.everything:
        return True
    return (
        candidate.subscription_id.lower() in {s.lower() for s in selection.subscriptions}
        or candidate.resource_group_id in selection.resource_groups
        or candidate.machine_id in selection.machines
        or any(carries(candidate, tag) for tag in selection.tags)
        or any(_meets(candidate, condition) for condition in selection.conditions)
    )


@dataclass(frozen=True)
class Resolved:
    """The machines of one run, and those that another policy has."""

    protected: tuple[Candidate, ...]
    skipped: Mapping[str, str]
    """Machine id → id of the policy that protects it instead."""


def resolve(
    candidates: Sequence[Candidate], claim: Claim, others: Iterable[Claim] = ()
) -> Resolved:
    """The machines that a run of ``claim``'s policy processes.

    ``others`` are the enabled policies beside it. A machine wanted by several goes to the one
    with the smallest priority number (section 3.8).
    """
    ahead = sorted(
        (o for o in others if o.policy_id != claim.policy_id and o.priority < claim.priority),
        key=lambda o: o.priority,
    )
    protected: list[Candidate] = []
    skipped: dict[str, str] = {}
    for candidate in candidates:
        if not is_selected(candidate, claim.selection):
            continue
        owner = next((o for o in ahead if is_selected(candidate, o.selection)), None)
        if owner is None:
            protected.append(candidate)
        else:
            skipped[candidate.machine_id] = owner.policy_id
    return Resolved(tuple(protected), skipped)
