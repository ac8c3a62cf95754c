"""What a service account is for those who use one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from kyanite.areas.accounts.tables import ServiceAccountRow
from kyanite.base.json_types import as_text_map, as_texts
from kyanite.rules.permission_sets import ALL_PURPOSES

USED_KIND: Final = "account"
"""The kind under which accounts stand in the table of uses."""


@dataclass(frozen=True)
class ServiceAccount:
    """A service account without its secret."""

    id: str
    name: str
    description: str | None
    environment: str
    application_id: str
    tenant_id: str
    tenant_name: str | None
    origin: str
    certificate_name: str | None
    expires_at: datetime | None
    cloud_state: str | None
    purposes: tuple[str, ...]
    chosen_subscription_ids: tuple[str, ...]
    """Empty: every subscription it can see."""
    visible_subscription_ids: tuple[str, ...]
    subscription_names: Mapping[str, str]
    """Of the visible ones, by id."""
    permission_states: tuple[str, ...]
    permissions_checked_at: datetime | None
    selected_for_workers: bool
    worker_subscription_id: str | None
    worker_resource_group: str | None
    group_id: str | None
    group_name: str | None

    def serves(self, purpose: str) -> bool:
        """Whether the account may be used for ``purpose``."""
        return purpose in self.purposes

    @property
    def subscription_ids(self) -> tuple[str, ...]:
        """The subscriptions in its scope: those chosen, else those seen."""
        return self.chosen_subscription_ids or self.visible_subscription_ids


def from_row(row: ServiceAccountRow) -> ServiceAccount:
    """The value of a row."""
    return ServiceAccount(
        id=row.id,
        name=row.name,
        description=row.description,
        environment=row.environment,
        application_id=row.application_id,
        tenant_id=row.tenant_id,
        tenant_name=row.tenant_name,
        origin=row.origin,
        certificate_name=row.certificate_name,
        expires_at=row.expires_at,
        cloud_state=row.cloud_state,
        purposes=as_texts(row.purposes),
        chosen_subscription_ids=as_texts(row.chosen_subscription_ids),
        visible_subscription_ids=as_texts(row.visible_subscription_ids),
        subscription_names=as_text_map(row.visible_subscription_names),
        permission_states=as_texts(row.permission_states),
        permissions_checked_at=row.permissions_checked_at,
        selected_for_workers=row.selected_for_workers,
        worker_subscription_id=row.worker_subscription_id,
        worker_resource_group=row.worker_resource_group,
        group_id=row.group_id,
        group_name=row.group_name,
    )


def in_order(purposes: tuple[str, ...]) -> tuple[str, ...]:
    """Purposes once each, in the order of the permission table."""
    return tuple(p for p in ALL_PURPOSES if p in purposes)
