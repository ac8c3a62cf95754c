"""Which repositories are reached with a service account, for those who want to change it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from kyanite.areas.repositories.tables import RepositoryRow
from kyanite.base.azure_names import id_part
from kyanite.rules.account_edits import AccountUser


def repositories_on_account(db: Session, account_id: str) -> list[AccountUser]:
    """The repositories of the account, with the subscription of their storage account."""
    query = select(RepositoryRow.name, RepositoryRow.storage_account_azure_id).where(
        RepositoryRow.account_id == account_id
    )
    return [
        AccountUser(
            row.name,
            "Repository",
            True,
            frozenset({id_part(row.storage_account_azure_id, "subscriptions").lower()}),
        )
        for row in db.execute(query.order_by(RepositoryRow.name_key))
    ]
