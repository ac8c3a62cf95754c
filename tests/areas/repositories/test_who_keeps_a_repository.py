"""Whoever stands in the table of uses keeps a repository, and is shown."""

from __future__ import annotations

import pytest

from kyanite.base.json_types import as_list, as_object, as_text
from kyanite.db.uses import Thing, forget_user, replace_uses
from support.repository_parts import REPOSITORIES, RepositoryParts


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("configuration-backup", "UsedInConfigurationBackupSetting"),
        ("data-retrieval", "HasActiveDataRetrievalTask"),
        ("something-new", "Unknown"),
    ],
)
def test_whoever_stands_in_the_table_of_uses_keeps_a_repository_and_is_shown(
    lasting_parts: RepositoryParts, kind: str, code: str
) -> None:
    parts = lasting_parts
    repository = parts.create()
    user = Thing(kind, "1")
    with parts.database.writing() as db:
        replace_uses(db, user, [Thing("repository", as_text(repository["id"]))])
    assert parts.call("DELETE", f"{REPOSITORIES}/{repository['id']}").status_code == 409
    page = parts.get(f"{REPOSITORIES}/validateDelete", RepositoryId=repository["id"])
    (entry,) = map(as_object, as_list(page["results"]))
    (use,) = map(as_object, as_list(entry["additionalUsagesAndErrors"]))
    assert use["code"] == code
    with parts.database.writing() as db:
        forget_user(db, user)
    page = parts.get(f"{REPOSITORIES}/validateDelete", RepositoryId=repository["id"])
    assert as_object(as_list(page["results"])[0])["additionalUsagesAndErrors"] == []
