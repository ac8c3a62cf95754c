"""What roles may do, asked of the operations themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kyanite.contract.operations.index import METHODS
from kyanite.http.rights import Role

if TYPE_CHECKING:
    from .conftest import People

# The own account, the agreement, and the export that §4.2 gives to all who see sessions.
FOR_EVERYBODY = ("/users/changePassword", "Mfa", "/licenseAgreement/accept", "/jobSessions/export")


@pytest.mark.acceptance("accounts-and-users", 8)
def test_a_read_only_user_posts_nothing(quick_people: People) -> None:
    client, headers = quick_people.api.client, quick_people.api.signed_in(Role.READ_ONLY_USER)
    paths = [path for path, methods in METHODS.items() if "POST" in methods]
    asked = [
        one for one in paths if one.startswith("/api/v8.1/") and not one.endswith(FOR_EVERYBODY)
    ]
    assert len(asked) > 120
    for path in asked:
        answer = client.post(path, json={}, headers=headers)
        is_not_there_yet = answer.status_code == 404 and "no such operation" in answer.text
        assert answer.status_code == 403 or is_not_there_yet, path
