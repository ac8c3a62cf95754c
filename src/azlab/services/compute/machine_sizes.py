"""The machine sizes that the lab sells, a small part of what Azure has."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MachineSize:
    """One size with the capabilities that backup and restore look at."""

    name: str
    family: str
    cores: int
    memory_mib: int
    data_disks: int
    interfaces: int
    premium: bool = True
    generations: str = "V1,V2"
    trusted_launch: bool = True
    zoned: bool = True


MACHINE_SIZES = {
    size.name.lower(): size
    for size in (
        MachineSize("Standard_B1s", "standardBSFamily", 1, 1024, 2, 2),
        MachineSize("Standard_B2s", "standardBSFamily", 2, 4096, 4, 3),
        MachineSize("Standard_B2ms", "standardBSFamily", 2, 8192, 4, 3),
        MachineSize("Standard_B4ms", "standardBSFamily", 4, 16384, 8, 4),
        MachineSize("Standard_A2_v2", "standardAv2Family", 2, 4096, 4, 2, False, "V1", False),
        MachineSize("Standard_D2s_v3", "standardDSv3Family", 2, 8192, 4, 2),
        MachineSize("Standard_D4s_v3", "standardDSv3Family", 4, 16384, 8, 2),
        MachineSize("Standard_D2s_v5", "standardDSv5Family", 2, 8192, 4, 2),
        MachineSize("Standard_D4s_v5", "standardDSv5Family", 4, 16384, 8, 2),
        MachineSize("Standard_D8s_v5", "standardDSv5Family", 8, 32768, 16, 4),
        MachineSize("Standard_D2as_v5", "standardDASv5Family", 2, 8192, 4, 2),
        MachineSize("Standard_E2s_v5", "standardESv5Family", 2, 16384, 4, 2),
        MachineSize("Standard_E4s_v5", "standardESv5Family", 4, 32768, 8, 2),
        MachineSize("Standard_E8s_v5", "standardESv5Family", 8, 65536, 16, 4),
        MachineSize("Standard_F2s_v2", "standardFSv2Family", 2, 4096, 4, 2),
        MachineSize("Standard_F4s_v2", "standardFSv2Family", 4, 8192, 8, 2),
        MachineSize("Standard_L8s_v3", "standardLSv3Family", 8, 65536, 16, 4),
    )
}


def machine_size(name: str) -> MachineSize | None:
    """The size of a name, without regard to case."""
    return MACHINE_SIZES.get(name.lower())
