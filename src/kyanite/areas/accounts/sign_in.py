"""Signing in to Azure as a service account: the way every other area reaches Azure."""

from __future__ import annotations

import hashlib
import threading

from kyanite.areas.accounts import queries
from kyanite.areas.accounts.clouds import Clouds
from kyanite.areas.accounts.credentials import Credential
from kyanite.azure.arm import ArmClient
from kyanite.azure.cloud import Cloud
from kyanite.azure.credentials import AzureLogin
from kyanite.azure.key_vault import KeyVaultKeys
from kyanite.azure.people import PersonTokens
from kyanite.db.database import Database
from kyanite.db.secrets import SecretBox


class AzureAccess:
    """Gives out ARM clients by account id. Thread-safe; clients, tokens and connections are shared.

    A renewed credential makes a new client, whoever renewed it: the key of a client is what is
    stored in the row.
    """

    def __init__(self, database: Database, secrets: SecretBox, clouds: Clouds) -> None:
        self._database = database
        self._secrets = secrets
        self._clouds = clouds
        self._clients: dict[str, tuple[str, ArmClient]] = {}
        self._lock = threading.Lock()

    def arm_client(self, account_id: str) -> ArmClient:
        """The client that calls the Resource Manager as the account.

        Raises ``NotFound`` for an unknown account, ``AzureError`` when its cloud does not
        answer, ``WrongKey`` or ``Damaged`` when the stored secret cannot be opened.
        """
        with self._database.reading() as db:
            row = queries.get_row(db, account_id)
            key = hashlib.sha256(
                f"{row.environment}|{row.tenant_id}|{row.application_id}|".encode()
                + row.credential_sealed
            ).hexdigest()
            own_id, sealed, environment = row.id, row.credential_sealed, row.environment
            tenant_id, application_id = row.tenant_id, row.application_id
        with self._lock:
            known = self._clients.get(own_id)
        if known is not None and known[0] == key:
            return known[1]
        credential = Credential.unseal(self._secrets, own_id, sealed)
        client = self.try_out(environment, tenant_id, application_id, credential)
        with self._lock:
            self._clients[own_id] = (key, client)
        return client

    def try_out(
        self, environment: str, tenant_id: str, application_id: str, credential: Credential
    ) -> ArmClient:
        """A client for an account that is not saved yet. It signs in with its first call."""
        cloud = self._clouds.cloud(environment)
        identity = credential.identity(tenant_id, application_id)
        return ArmClient(cloud, AzureLogin(cloud, identity))

    def vault_keys(self, account_id: str, vault_uri: str) -> KeyVaultKeys:
        """The keys of the vault at ``vault_uri``, seen by the account; raises as above."""
        return KeyVaultKeys(self.arm_client(account_id).login, vault_uri)

    def as_person(self, environment: str, tokens: PersonTokens) -> ArmClient:
        """A client for somebody who has signed in, with that person's own rights."""
        cloud = self._clouds.cloud(environment)
        return ArmClient(cloud, AzureLogin(cloud, tokens))

    def cloud(self, environment: str) -> Cloud:
        """The cloud named ``environment``; raises as ``Clouds.cloud``."""
        return self._clouds.cloud(environment)
