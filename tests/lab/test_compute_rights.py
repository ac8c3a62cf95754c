"""What one needs to be allowed to do, besides the call itself: rights on what is pointed at."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest
from azure.core.exceptions import HttpResponseError

from support.compute_bench import ComputeBench, compute_bench
from support.lab import Azure, Control, with_application
from support.lab_clients import authorization

pytestmark = pytest.mark.control

_CLIENT = "0c8f6d1e-6a52-4b8e-8d6f-1f2b7a3c4d02"
_OBJECT = "7b1e2f3a-4c5d-4e6f-8a9b-0c1d2e3f4a02"
_SECRET = "restricted-secret-of-the-small-scene"
_ALL = (
    "Microsoft.Compute/*/read",
    "Microsoft.Network/*/read",
    "Microsoft.Compute/disks/write",
    "Microsoft.Compute/disks/beginGetAccess/action",
    "Microsoft.Compute/snapshots/write",
    "Microsoft.Compute/snapshots/beginGetAccess/action",
    "Microsoft.Compute/virtualMachines/write",
    "Microsoft.Network/networkInterfaces/write",
    "Microsoft.Network/networkInterfaces/join/action",
    "Microsoft.Network/virtualNetworks/subnets/join/action",
)


@pytest.fixture
def bench(azure: Azure, fresh: Control) -> Iterator[ComputeBench]:
    with compute_bench(azure) as made:
        yield made


def _restricted(bench: ComputeBench, without: str) -> ComputeBench:
    """The bench as the restricted application sees it, with every right but one."""
    client = authorization(bench.azure)
    scope = f"/subscriptions/{bench.subscription_id}/resourceGroups/{bench.group}"
    role = client.role_definitions.create_or_update(
        scope,
        str(uuid.uuid4()),
        {
            "properties": {
                "roleName": f"all but {without}",
                "type": "CustomRole",
                "assignableScopes": [scope],
                "permissions": [{"actions": [one for one in _ALL if one != without]}],
            }
        },
    )
    assignment = {"roleDefinitionId": role.id, "principalId": _OBJECT}
    client.role_assignments.create(scope, str(uuid.uuid4()), {"properties": assignment})
    return ComputeBench(with_application(bench.azure, _CLIENT, _SECRET), bench.group)


@pytest.mark.parametrize(
    ("without", "code"),
    [
        ("nothing", ""),
        ("Microsoft.Compute/disks/write", "AuthorizationFailed"),
        ("Microsoft.Compute/disks/beginGetAccess/action", "LinkedAuthorizationFailed"),
        ("Microsoft.Compute/snapshots/write", "AuthorizationFailed"),
        ("Microsoft.Compute/snapshots/beginGetAccess/action", "LinkedAuthorizationFailed"),
        ("Microsoft.Network/virtualNetworks/subnets/join/action", "LinkedAuthorizationFailed"),
        ("Microsoft.Network/networkInterfaces/join/action", "LinkedAuthorizationFailed"),
    ],
)
def test_each_missing_right_is_missed_and_named(
    bench: ComputeBench, without: str, code: str
) -> None:
    disk = bench.disk("disk", hyperVGeneration="V2")
    subnet_id = str(bench.subnet().id)
    app = _restricted(bench, without)
    steps: tuple[Callable[[], object], ...] = (
        lambda: app.snapshot("snap", str(disk.id)),
        lambda: app.copy_disk("copy", bench.id_of("Compute", "snapshots", "snap")),
        lambda: app.interface("nic", subnet_id),
        lambda: app.compute.virtual_machines.begin_create_or_update(
            app.group,
            "vm",
            app.machine_body(
                bench.id_of("Compute", "disks", "copy"),
                bench.id_of("Network", "networkInterfaces", "nic"),
            ),
        ).result(),
    )
    refusals: list[HttpResponseError] = []
    for step in steps:
        try:
            step()
        except HttpResponseError as error:
            refusals.append(error)
            break
    if not code:
        assert refusals == []
        return
    assert refusals
    assert refusals[0].status_code == 403
    assert refusals[0].error is not None
    assert refusals[0].error.code == code
    assert f"'{without}'" in str(refusals[0])
