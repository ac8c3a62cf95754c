"""Can an SQL server be reached, and does a login open it?
(docs/behaviour/azure-sql.md, section 5.4)"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final

from sqlalchemy.orm import Session

from kyanite.areas.accounts import AzureAccess, StandardAccounts, StandardLogin, get_account
from kyanite.areas.inventory.kinds import Kind
from kyanite.areas.inventory.plain_queries import get_resource
from kyanite.areas.inventory.queries import accounts_seeing
from kyanite.azure.tds import SqlDoor
from kyanite.base.errors import AzureError, Denied
from kyanite.base.json_types import as_object, as_text

ACCOUNT_CHECK: Final = "Service account"
CONNECTION_CHECK: Final = "Connection to the SQL server"
LOGIN_CHECK: Final = "Login to the SQL server"


@dataclass(frozen=True)
class Finding:
    """What one check found; ``severity`` is a ``ConnectionTestMessageSeverity``."""

    severity: str
    check: str
    message: str


class SqlConnections:
    """Tries servers out."""

    def __init__(self, access: AzureAccess, logins: StandardAccounts) -> None:
        self._access = access
        self._logins = logins

    def test(
        self, db: Session, server_id: str, login_id: str | None, account_id: str | None
    ) -> list[Finding]:
        """Try out a server, with a login and as a service account if they are named.

        Raises ``NotFound`` for an unknown server, login or account.
        """
        row = get_resource(db, Kind.SQL_SERVER, server_id)
        host = as_text(as_object(row.facts).get("host"))
        found: list[Finding] = []
        ca_file: str | None = None
        if account_id is not None:
            account = get_account(db, account_id)
            ca_file = self._access.cloud(account.environment).ca_file
            if account.id in accounts_seeing(db, Kind.SQL_SERVER, row.id):
                message = f"The service account {account.name} sees the server {row.name}."
                found.append(Finding("Success", ACCOUNT_CHECK, message))
            else:
                message = f"The service account {account.name} does not see {row.name}."
                found.append(Finding("Error", ACCOUNT_CHECK, message))
        login = self._logins.login_of(db, login_id) if login_id is not None else None
        return [*found, *_tried(host, login, ca_file)]


def _tried(host: str, login: StandardLogin | None, ca_file: str | None) -> Iterator[Finding]:
    try:
        door = SqlDoor(host, ca_file=ca_file)
    except AzureError as error:
        yield Finding("Error", CONNECTION_CHECK, str(error))
        return
    with closing(door):
        yield Finding("Success", CONNECTION_CHECK, f"The SQL server {host} answers.")
        if login is None:
            return
        try:
            door.sign_in(login.username, login.password)
        except Denied as error:
            yield Finding("Error", LOGIN_CHECK, str(error))
        except AzureError as error:
            yield Finding("Error", CONNECTION_CHECK, str(error))
        else:
            yield Finding("Success", LOGIN_CHECK, f"{login.username} may sign in to {host}.")
