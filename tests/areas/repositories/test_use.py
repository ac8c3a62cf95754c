"""Repositories in use: the list, passwords that are checked, what a data mover may do there."""

from __future__ import annotations

import pytest

from kyanite.azure.blob.storage import BlobStorage
from kyanite.base.errors import StorageDenied
from kyanite.base.identifiers import new_id
from kyanite.base.json_types import as_list, as_object, as_text
from kyanite.durable.session_tables import SessionRow
from support.repository_parts import REPOSITORIES, RepositoryParts


def test_the_list_is_filtered(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    hot = parts.create(name="alpha", storageTier="Hot")
    parts.create(name="beta", enableEncryption=False)

    def names(**query: object) -> list[object]:
        page = parts.get(REPOSITORIES, **query)
        return [as_object(item)["name"] for item in as_list(page["results"])]

    assert names() == ["alpha", "beta"]
    assert names(SearchPattern="ALP") == ["alpha"]
    assert names(IsEncrypted="false") == ["beta"]
    assert names(Tier="Inferred") == ["beta"]
    assert names(Tier="Hot,Archive") == ["alpha"]
    assert names(Status="Ready,Failed") == ["alpha", "beta"]
    assert names(Status="Failed") == []
    assert names(Type="VeeamVault") == []
    assert names(ImmutabilityEnabled="true") == []
    assert names(ServiceAccountId=parts.account_id) == ["alpha", "beta"]
    assert names(ServiceAccountId="00000000-0000-0000-0000-000000000001") == []
    assert names(TenantId=parts.azure.tenant_id, limit=1, offset=1) == ["beta"]
    assert parts.call("GET", REPOSITORIES, Status="Nonsense").status_code == 400
    assert parts.call("GET", f"{REPOSITORIES}/{new_id()}").status_code == 404
    assert parts.get(f"{REPOSITORIES}/{hot['id']}", ServiceAccountId=parts.account_id) == hot


@pytest.mark.acceptance("repositories", 11)
def test_passwords_are_checked_and_guessing_is_slowed_down(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    path = f"{REPOSITORIES}/{parts.create()['id']}"
    right = parts.call("POST", f"{path}/checkPassword", "correct horse")
    assert (right.status_code, right.json()) == (200, True)
    for guess in range(5):
        wrong = parts.call("POST", f"{path}/checkPassword", f"guess {guess}")
        assert (wrong.status_code, wrong.json()) == (200, False)
    limited = parts.call("POST", f"{path}/checkPassword", "correct horse")
    assert limited.status_code == 429
    assert int(limited.headers["Retry-After"]) > 0
    assert parts.call("PUT", path, {"password": "new"}).status_code == 429
    unknown = f"{REPOSITORIES}/{new_id()}/checkPassword"
    assert parts.call("POST", unknown, "x").status_code == 404
    assert parts.call("POST", f"{path}/checkPassword", {"a": 1}).status_code == 400


def test_a_session_at_work_keeps_the_repository_as_it_is(repository_parts: RepositoryParts) -> None:
    parts = repository_parts
    repository = parts.create()
    session_id = new_id()
    with parts.database.writing() as db:
        db.add(
            SessionRow(
                id=session_id,
                type="PolicyBackup",
                status="Running",
                created_at=parts.api.clock.now(),
                began_at=parts.api.clock.now(),
                repository_id=as_text(repository["id"]),
            )
        )
    path = f"{REPOSITORIES}/{repository['id']}"
    for answer in (parts.call("DELETE", path), parts.call("PUT", path, {"name": "x"})):
        assert answer.status_code == 409
        assert answer.json()["sessionId"] == session_id
    with parts.database.writing() as db:
        db.get_one(SessionRow, session_id).status = "Success"
    parts.succeeded(parts.call("DELETE", path))


def test_a_data_mover_can_create_but_neither_overwrite_nor_delete(
    repository_parts: RepositoryParts,
) -> None:
    parts = repository_parts
    repository_id = as_text(parts.create()["id"])
    access = parts.repositories.access(repository_id, "rlc", 600)
    mover = BlobStorage.signed(access.container, access.folder, ca_file=parts.azure.ca or None)
    mover.put("packs/x", b"data")
    assert mover.get("packs/x") == b"data"
    with pytest.raises(StorageDenied):
        mover.delete("packs/x")
