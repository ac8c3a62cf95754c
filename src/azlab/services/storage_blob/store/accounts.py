"""What is kept of an account as a whole: delegation secret, properties, switches."""

import secrets

from azlab.services.storage_blob.store import encoding
from azlab.services.storage_blob.store.database import Transaction
from azlab.services.storage_blob.store.records import ServiceSettings


def _ensure_account(tx: Transaction, account: str) -> None:
    tx.sql.execute(
        "INSERT OR IGNORE INTO accounts (account, delegation_secret, service_properties_xml)"
        " VALUES (?, ?, '')",
        (account, secrets.token_bytes(32)),
    )


def delegation_secret(tx: Transaction, account: str) -> bytes:
    """The secret from which the account's user delegation keys are derived."""
    _ensure_account(tx, account)
    row = tx.sql.execute(
        "SELECT delegation_secret FROM accounts WHERE account = ?", (account,)
    ).fetchone()
    return bytes(row[0])


def revoke_delegation_keys(tx: Transaction, account: str) -> None:
    """Makes every user delegation key given out so far worthless."""
    _ensure_account(tx, account)
    tx.sql.execute(
        "UPDATE accounts SET delegation_secret = ? WHERE account = ?",
        (secrets.token_bytes(32), account),
    )


def service_properties(tx: Transaction, account: str) -> str:
    """The XML last set, empty when never."""
    row = tx.sql.execute(
        "SELECT service_properties_xml FROM accounts WHERE account = ?", (account,)
    ).fetchone()
    return str(row[0]) if row else ""


def set_service_properties(tx: Transaction, account: str, document: str) -> None:
    _ensure_account(tx, account)
    tx.sql.execute(
        "UPDATE accounts SET service_properties_xml = ? WHERE account = ?", (document, account)
    )


def settings(tx: Transaction, account: str) -> ServiceSettings:
    """All off for an account of which nothing was ever set."""
    row = tx.sql.execute(
        "SELECT settings_json FROM accounts WHERE account = ?", (account,)
    ).fetchone()
    if row is None or row[0] is None:
        return ServiceSettings()
    return encoding.load(ServiceSettings, row[0])


def set_settings(tx: Transaction, account: str, value: ServiceSettings) -> None:
    _ensure_account(tx, account)
    tx.sql.execute(
        "UPDATE accounts SET settings_json = ? WHERE account = ?",
        (encoding.dump(value), account),
    )
