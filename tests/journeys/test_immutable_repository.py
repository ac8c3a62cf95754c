"""Backups in a container that locks versions: nobody deletes them, and they come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from demo.appliance import WorkFailed
from demo.web import Refused
from support.disk_contents import MIB, write_noise
from support.house import House
from support.storage import immutable_container, made_account


@pytest.mark.control
@pytest.mark.acceptance("repositories", 10)
def test_check_10_an_immutable_restore_point_is_not_deleted_and_restores(house: House) -> None:
    machine = house.smallest_machine()
    write_noise(house, machine.disk_ids[0], 4 * MIB, 31)
    with made_account(house.lab.azure, versioning=True) as account:
        container = immutable_container(account).container_name
        page = house.client.get(
            "/cloudInfrastructure/storageAccounts", name=account.name, sync="true"
        )
        place = (str(page["results"][0]["id"]), container)
        repository_id = house.create_repository("worm", place=place)
        repository = house.client.get(f"/repositories/{repository_id}")
        assert repository["immutabilityEnabled"] is True
        assert repository["azureStorageContainer"]["supportsVersioning"] is True
        _, backup = house.run_policy(house.policy("worm", [machine], repository_id=repository_id))
        house.client.wait(backup)
        log = house.client.get(f"/jobSessions/{backup}/log")["log"]
        assert any("Locking the restore points" in line["message"] for line in log), log

        point_id = house.newest_backup(machine)
        path = f"/restorePoints/virtualMachines/{point_id}"
        point = house.client.get(path)
        taken_at = datetime.fromisoformat(point["pointInTime"])
        until = datetime.fromisoformat(point["immutableTill"])
        # Seven days of retention, and the ten of the generation that begins with it.
        assert taken_at + timedelta(days=17, hours=-2) < until
        assert until > datetime.now(UTC) + timedelta(days=16)
        locked = house.client.get(
            "/restorePoints/virtualMachines", ImmutabilityEnabled="true", Limit=-1
        )["results"]
        assert [one["id"] for one in locked] == [point_id]

        with pytest.raises(Refused) as refused:
            house.client.delete(path)
        assert refused.value.status == 423
        session = house.client.post(f"/protectedItem/virtualMachines/{machine.id}/deleteBackups")
        with pytest.raises(WorkFailed, match="ended Warning"):
            house.client.wait(session["id"])
        assert house.client.get(path)["id"] == point_id
        house.client.wait(house.restore_disks_in_place(point_id))
