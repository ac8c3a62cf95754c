"""GET /operations/{id}."""

from __future__ import annotations

import uuid

from kyanite.http.rights import Role
from support.api import ApiUnderTest


def test_an_operation_that_does_not_exist_or_has_no_uuid(api: ApiUnderTest) -> None:
    admin = api.signed_in()
    assert api.client.get(f"/api/v8.1/operations/{uuid.uuid4()}").status_code == 401
    answer = api.client.get(f"/api/v8.1/operations/{uuid.uuid4()}", headers=admin)
    assert answer.status_code == 404
    answer = api.client.get("/api/v8.1/operations/nonsense", headers=admin)
    assert answer.status_code == 400
    reader = api.signed_in(Role.READ_ONLY_USER)
    answer = api.client.get(f"/api/v8.1/operations/{uuid.uuid4()}", headers=reader)
    assert answer.status_code == 404
