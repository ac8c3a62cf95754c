"""Machines of the lab: made of restored parts, powered, changed, taken apart."""

from __future__ import annotations

import uuid

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.mgmt.compute.models import (
    AttachDetachDataDisksRequest,
    AvailabilitySet,
    DataDisksToAttach,
    DataDisksToDetach,
    GrantAccessData,
    VirtualMachine,
    VirtualMachineUpdate,
)

from support.compute_bench import ComputeBench
from support.lab import Control


def _power(bench: ComputeBench, name: str) -> str:
    view = bench.compute.virtual_machines.instance_view(bench.group, name)
    assert view.statuses
    codes = [str(one.code) for one in view.statuses]
    return next(code for code in codes if code.startswith("PowerState/"))


def _create(bench: ComputeBench, name: str, body: VirtualMachine) -> VirtualMachine:
    return bench.compute.virtual_machines.begin_create_or_update(bench.group, name, body).result()


def _refusal(bench: ComputeBench, body: VirtualMachine) -> str:
    with pytest.raises(HttpResponseError) as caught:
        bench.compute.virtual_machines.begin_create_or_update(bench.group, "refused", body)
    assert caught.value.error is not None
    with pytest.raises(ResourceNotFoundError):
        bench.compute.virtual_machines.get(bench.group, "refused")
    return str(caught.value.error.code)


def test_a_machine_of_existing_parts_runs_and_holds_them(bench: ComputeBench) -> None:
    machine = bench.machine("vm", data_disks=2)
    assert machine.provisioning_state == "Succeeded"
    assert machine.vm_id
    assert machine.storage_profile is not None
    assert machine.storage_profile.os_disk is not None
    assert machine.storage_profile.os_disk.caching == "ReadWrite"
    data = machine.storage_profile.data_disks or []
    assert [(one.lun, one.caching, one.name) for one in data] == [
        (2, "ReadOnly", "vm-data-0"),
        (3, "ReadOnly", "vm-data-1"),
    ]
    assert _power(bench, "vm") == "PowerState/running"
    for name in ("vm-os", "vm-data-0", "vm-data-1"):
        disk = bench.compute.disks.get(bench.group, name)
        assert str(disk.managed_by).lower() == str(machine.id).lower()
        assert bench.disk_state(name) == "Attached"
    nic = bench.network.network_interfaces.get(bench.group, "vm-nic")
    assert nic.virtual_machine is not None
    assert str(nic.virtual_machine.id).lower() == str(machine.id).lower()
    assert nic.mac_address


def test_power_operations_change_machine_and_disks(bench: ComputeBench) -> None:
    bench.machine("vm")
    machines = bench.compute.virtual_machines
    machines.begin_power_off(bench.group, "vm").result()
    assert _power(bench, "vm") == "PowerState/stopped"
    assert bench.disk_state("vm-os") == "Attached"
    machines.begin_deallocate(bench.group, "vm").result()
    assert _power(bench, "vm") == "PowerState/deallocated"
    assert bench.disk_state("vm-os") == "Reserved"
    with pytest.raises(HttpResponseError) as caught:
        machines.begin_restart(bench.group, "vm")
    assert caught.value.status_code == 409
    access = GrantAccessData(access="Read", duration_in_seconds=60)
    bench.compute.disks.begin_grant_access(bench.group, "vm-os", access).result()
    with pytest.raises(HttpResponseError) as caught:
        machines.begin_start(bench.group, "vm")
    assert caught.value.status_code == 409, "somebody reads its disk"
    bench.compute.disks.begin_revoke_access(bench.group, "vm-os").result()
    machines.begin_start(bench.group, "vm").result()
    machines.begin_restart(bench.group, "vm").result()
    assert _power(bench, "vm") == "PowerState/running"
    found = {one.name: one for one in machines.list_all(status_only="true")}
    assert found["vm"].instance_view is not None
    found = {one.name: one for one in machines.list_by_location("westeurope")}
    assert found["vm"].instance_view is None
    assert [one.name for one in machines.list(bench.group)] == ["vm"]
    expanded = machines.get(bench.group, "vm", expand="instanceView")
    assert expanded.instance_view is not None


def test_a_disk_of_a_running_machine_is_neither_deleted_nor_exported(bench: ComputeBench) -> None:
    bench.machine("vm")
    with pytest.raises(HttpResponseError) as caught:
        bench.compute.disks.begin_delete(bench.group, "vm-os")
    assert caught.value.status_code == 409
    with pytest.raises(HttpResponseError) as caught:
        bench.compute.disks.begin_grant_access(
            bench.group, "vm-os", {"access": "Read", "durationInSeconds": 60}
        )
    assert caught.value.status_code == 409
    bench.compute.virtual_machines.begin_deallocate(bench.group, "vm").result()
    bench.compute.disks.begin_grant_access(
        bench.group, "vm-os", {"access": "Read", "durationInSeconds": 60}
    ).result()
    assert bench.disk_state("vm-os") == "ActiveSAS"


@pytest.mark.parametrize("option", ["Detach", "Delete"])
def test_parts_stay_or_go_with_their_machine_as_their_delete_option_says(
    bench: ComputeBench, option: str
) -> None:
    bench.machine("vm", data_disks=1, delete_option=option)
    bench.compute.virtual_machines.begin_delete(bench.group, "vm").result()
    with pytest.raises(ResourceNotFoundError):
        bench.compute.virtual_machines.get(bench.group, "vm")
    disks = {one.name for one in bench.compute.disks.list_by_resource_group(bench.group)}
    nics = {one.name for one in bench.network.network_interfaces.list(bench.group)}
    if option == "Delete":
        assert disks == set()
        assert nics == set()
    else:
        assert disks == {"vm-os", "vm-data-0"}
        assert nics == {"vm-nic"}
        assert bench.disk_state("vm-os") == "Unattached"
        nic = bench.network.network_interfaces.get(bench.group, "vm-nic")
        assert nic.virtual_machine is None
        bench.network.network_interfaces.begin_delete(bench.group, "vm-nic").result()
    bench.compute.virtual_machines.begin_delete(bench.group, "vm").result()


def test_disks_come_and_go_by_put_and_by_the_attach_call(bench: ComputeBench) -> None:
    machine = bench.machine("vm", data_disks=1)
    extra = bench.disk("extra")
    swapped = bench.disk("other-os", osType="Linux", hyperVGeneration="V2")
    bench.compute.virtual_machines.begin_attach_detach_data_disks(
        bench.group,
        "vm",
        AttachDetachDataDisksRequest(
            data_disks_to_attach=[DataDisksToAttach(disk_id=str(extra.id), lun=9)],
            data_disks_to_detach=[
                DataDisksToDetach(disk_id=bench.id_of("Compute", "disks", "vm-data-0"))
            ],
        ),
    ).result()
    found = bench.compute.virtual_machines.get(bench.group, "vm")
    assert found.storage_profile is not None
    assert [(one.lun, one.name) for one in found.storage_profile.data_disks or []] == [(9, "extra")]
    assert bench.disk_state("vm-data-0") == "Unattached"
    assert bench.disk_state("extra") == "Attached"
    body = bench.machine_body(
        str(swapped.id), bench.id_of("Network", "networkInterfaces", "vm-nic")
    )
    with pytest.raises(HttpResponseError) as caught:
        _create(bench, "vm", body)
    assert caught.value.status_code == 409, "the system disk is swapped on stopped machines only"
    bench.compute.virtual_machines.begin_deallocate(bench.group, "vm").result()
    changed = _create(bench, "vm", body)
    assert changed.vm_id == machine.vm_id
    assert bench.disk_state("vm-os") == "Unattached"
    assert bench.disk_state("extra") == "Unattached"
    assert bench.disk_state("other-os") == "Reserved"


def test_tags_identity_and_size_can_be_changed(bench: ComputeBench) -> None:
    bench.machine("vm")
    assigned = bench.id_of("ManagedIdentity", "userAssignedIdentities", "one")
    patch = VirtualMachineUpdate(
        {
            "tags": {"x": "y"},
            "identity": {
                "type": "SystemAssigned, UserAssigned",
                "userAssignedIdentities": {assigned: {}},
            },
            "properties": {"hardwareProfile": {"vmSize": "Standard_E2s_v5"}},
        }
    )
    changed = bench.compute.virtual_machines.begin_update(bench.group, "vm", patch).result()
    assert changed.tags == {"x": "y"}
    assert changed.identity is not None
    assert uuid.UUID(str(changed.identity.principal_id))
    assert changed.identity.user_assigned_identities
    assert changed.identity.user_assigned_identities[assigned].client_id
    assert changed.hardware_profile is not None
    assert changed.hardware_profile.vm_size == "Standard_E2s_v5"


def test_machines_that_cannot_be_made_are_refused(bench: ComputeBench) -> None:
    taken = bench.machine("vm")
    assert taken.storage_profile is not None
    disk = bench.disk("free", osType="Linux", hyperVGeneration="V2")
    trusted = bench.disk(
        "trusted", hyperVGeneration="V2", securityProfile={"securityType": "TrustedLaunch"}
    )
    upload = bench.upload_disk("upload", 32 << 20)
    nic = bench.interface("free-nic", str(bench.subnet().id))
    taken_nic = bench.id_of("Network", "networkInterfaces", "vm-nic")
    taken_disk = bench.id_of("Compute", "disks", "vm-os")

    def refused(disk_id: str, nic_id: str, **changes: object) -> str:
        body = bench.machine_body(disk_id, nic_id)
        properties = body["properties"]
        properties.update(changes)
        return _refusal(bench, body)

    assert refused(taken_disk, str(nic.id)) == "ConflictingUserInput"
    assert refused(str(disk.id), taken_nic) == "NicInUse"
    assert refused(str(upload.id), str(nic.id)) == "OperationNotAllowed"
    assert refused(str(trusted.id), str(nic.id)) == "BadRequest"
    missing = bench.id_of("Compute", "disks", "nowhere")
    assert refused(missing, str(nic.id)) == "ResourceNotFound"
    missing = bench.id_of("Network", "networkInterfaces", "nowhere")
    assert refused(str(disk.id), missing) == "ResourceNotFound"
    size = {"vmSize": "Standard_Huge"}
    assert refused(str(disk.id), str(nic.id), hardwareProfile=size) == "InvalidParameter"
    os_profile = {"computerName": "x", "adminUsername": "y"}
    assert refused(str(disk.id), str(nic.id), osProfile=os_profile) == "InvalidParameter"
    zonal = bench.machine_body(str(disk.id), str(nic.id))
    zonal["zones"] = ["1"]
    assert _refusal(bench, zonal) == "InvalidParameter"
    assert bench.disk_state("free") == "Unattached"


@pytest.mark.control
def test_a_failed_creation_leaves_a_failed_machine_that_can_be_deleted(
    bench: ComputeBench, control: Control
) -> None:
    disk = bench.disk("os", hyperVGeneration="V2")
    nic = bench.interface("nic", str(bench.subnet().id))
    control.add_fault(
        method="PUT", path="/virtualMachines/unlucky$", times=1, failOperation="AllocationFailed"
    )
    with pytest.raises(HttpResponseError) as caught:
        _create(bench, "unlucky", bench.machine_body(str(disk.id), str(nic.id)))
    assert caught.value.error is not None
    assert caught.value.error.code == "AllocationFailed"
    found = bench.compute.virtual_machines.get(bench.group, "unlucky")
    assert found.provisioning_state == "Failed"
    bench.compute.virtual_machines.begin_delete(bench.group, "unlucky").result()
    assert bench.disk_state("os") == "Unattached"


def test_sizes_and_quotas_are_listed_by_region(bench: ComputeBench) -> None:
    skus = list(bench.compute.resource_skus.list(filter="location eq 'westeurope'"))
    machines = {one.name: one for one in skus if one.resource_type == "virtualMachines"}
    size = machines["Standard_D2s_v5"]
    assert size.location_info
    assert size.location_info[0].zones == ["1", "2", "3"]
    assert {one.name: one.value for one in size.capabilities or []}["vCPUs"] == "2"
    assert all(one.locations == ["westeurope"] for one in skus)
    names = {one.name for one in bench.compute.virtual_machine_sizes.list("westeurope")}
    assert "Standard_D2s_v5" in names
    usages = {str(one.name.value): one for one in bench.compute.usage.list("westeurope")}
    before = usages["cores"].current_value
    bench.machine("vm")
    usages = {str(one.name.value): one for one in bench.compute.usage.list("westeurope")}
    assert usages["cores"].current_value == before + 2


def test_availability_sets_show_their_machines(bench: ComputeBench) -> None:
    sets = bench.compute.availability_sets
    body = {"location": "westeurope", "sku": {"name": "Aligned"}, "properties": {}}
    made = sets.create_or_update(bench.group, "set", AvailabilitySet(body))
    disk = bench.disk("os", hyperVGeneration="V2")
    nic = bench.interface("nic", str(bench.subnet().id))
    machine = bench.machine_body(str(disk.id), str(nic.id))
    machine["properties"]["availabilitySet"] = {"id": made.id}
    created = _create(bench, "vm", machine)
    found = sets.get(bench.group, "set")
    assert [str(one.id) for one in found.virtual_machines or []] == [created.id]
    with pytest.raises(HttpResponseError) as caught:
        sets.delete(bench.group, "set")
    assert caught.value.status_code == 409
    assert "set" in [one.name for one in sets.list_by_subscription()]


def test_what_the_lab_does_not_do_is_refused_aloud(bench: ComputeBench) -> None:
    base = bench.id_of("Compute", "restorePointCollections", "c")
    answer = bench.azure.call("PUT", f"{base}?api-version=2026-04-01", {"location": "westeurope"})
    assert answer.status_code in (400, 404, 501)
    assert answer.json()["error"]["code"]
    bench.machine("vm")
    run = bench.id_of("Compute", "virtualMachines", "vm") + "/runCommand?api-version=2026-04-01"
    answer = bench.azure.call("POST", run, {"commandId": "RunShellScript"})
    assert answer.status_code in (404, 405, 501)
    assert answer.json()["error"]["code"]


@pytest.mark.control
def test_nothing_is_built_on_what_is_being_deleted(bench: ComputeBench, control: Control) -> None:
    disk = bench.disk("going", hyperVGeneration="V2")
    nic = bench.interface("nic", str(bench.subnet().id))
    control.settings(lroSeconds=600)
    try:
        deleting = bench.compute.disks.begin_delete(bench.group, "going")
        body = bench.machine_body(str(disk.id), str(nic.id))
        assert _refusal(bench, body) == "OperationNotAllowed"
        path = bench.id_of("Compute", "disks", "going") + "?api-version=2026-03-02"
        answer = bench.azure.call(
            "PUT",
            path,
            {
                "location": "westeurope",
                "properties": {"diskSizeGB": 4, "creationData": {"createOption": "Empty"}},
            },
        )
        assert answer.status_code == 409
        control.advance(601)
        deleting.result()
        assert bench.azure.call("GET", path).status_code == 404
    finally:
        control.settings(lroSeconds=0.2)
