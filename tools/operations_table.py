"""The table of operations in the README: what of the contract is served, and what is not yet.

Written from the contract and from the routes there are; ``--check`` compares only.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from kyanite.contract.operation import Operation, find
from kyanite.contract.operations.index import MODULES
from kyanite.server.routes import all_routes

README: Final = Path(__file__).resolve().parents[1] / "README.md"
BEGIN: Final = "<!-- written by tools/operations_table.py -->"
END: Final = "<!-- end of what is written -->"

SUBJECTS: Final[Mapping[str, tuple[str, ...]]] = {
    "Sign-in and users": ("Login", "User", "Saml2"),
    "Accounts": ("AzureServiceAccount", "StandardAccount"),
    "What is in Azure": (
        *("Tenant", "Subscription", "Region", "ResourceGroup", "VirtualNetwork"),
        *("NetworkSecurityGroup", "StorageAccount", "KeyVault", "AvailabilitySet"),
        *("AvailabilityZone", "VmSize", "Tag", "SqlServer", "SqlElasticPool"),
    ),
    "Repositories": ("Repository", "VeeamVaults"),
    "Machines": (
        *("VirtualMachine", "Policy", "ProtectedVirtualMachine", "VirtualMachineRestorePoint"),
        *("FlrSession", "CostEstimation"),
    ),
    "Service levels": ("VmSlaBasedPolicy", "SlaTemplate", "StorageTemplate", "Drilldown"),
    "Databases": (
        *("Database", "SqlPolicy", "ProtectedDatabase", "SqlRestorePoint", "SqlCostEstimation"),
    ),
    "File shares": (
        *("FileShare", "FileSharePolicy", "ProtectedFileShare", "FileShareRestorePoint"),
        *("FileShareCostEstimation",),
    ),
    "Cosmos DB": (
        *("CosmosDbAccount", "CosmosDbPolicy", "ProtectedCosmosDbAccount"),
        *("CosmosDbRestorePoint", "AzureCosmosDbAccounts", "CosmosDbCostEstimation"),
    ),
    "Networks": ("VnetPolicy", "ProtectedVnet", "VnetRestorePoint"),
    "Workers": ("Worker",),
    "Sessions": ("JobSessions", "AsyncOperation"),
    "The appliance": (
        *("Overview", "System", "License", "LicenseAgreement", "Certificate"),
        *("RetentionSettings", "Configuration", "ConfigurationBackup"),
    ),
}
"""Subject → tags of the contract."""


def by_tag() -> dict[str, list[Operation]]:
    """Tag → all its operations in the contract."""
    found: dict[str, list[Operation]] = defaultdict(list)
    for operation_id in MODULES:
        operation = find(operation_id)
        found[operation.tag].append(operation)
    return dict(found)


def served() -> set[str]:
    """Ids of the operations of the contract that have a route."""
    return {
        route.operation.operation_id
        for tag in all_routes()
        for route in tag.routes
        if not route.is_own
    }


def table() -> str:
    """The text between the two marks. Raises KeyError or AssertionError when a tag has no row."""
    tags, done = by_tag(), served()
    assert {tag for some in SUBJECTS.values() for tag in some} == set(tags)
    count = sum(len(some) for some in tags.values())
    lines = [
        f"{len(done)} of the contract's {count} operations are there, each exactly as the contract",
        "says; one that is not there yet is 404.",
        "",
        "| Subject | Operations there, by tag | Not yet |",
        "|---|---|---|",
    ]
    for subject, names in SUBJECTS.items():
        there, rest = [], []
        for name in names:
            all_ids = [one.operation_id for one in tags[name]]
            missing = [one for one in all_ids if one not in done]
            if len(missing) < len(all_ids):
                there.append(f"`{name}` {_of(len(all_ids) - len(missing), len(all_ids))}")
            if missing:
                rest.append(_missing(name, missing, len(all_ids)))
        lines.append(f"| {subject} | {', '.join(there) or '–'} | {'; '.join(rest) or '–'} |")
    return "\n".join(lines)


def _of(done: int, count: int) -> str:
    return str(count) if done == count else f"{done} of {count}"


def _missing(tag: str, missing: list[str], count: int) -> str:
    if len(missing) == count:
        return f"`{tag}` {count}"
    return f"{tag}: " + ", ".join(f"`{one.partition('_')[2] or one}`" for one in missing)


def rewritten(readme: str) -> str:
    """The README with the table as it is now. Raises ValueError without the two marks."""
    before, begin, rest = readme.partition(f"{BEGIN}\n")
    _, end, after = rest.partition(f"\n{END}")
    if not (begin and end):
        raise ValueError(f"{README.name} has no place for the table")
    return f"{before}{begin}{table()}{end}{after}"


def _problems(check: bool) -> Iterator[str]:
    text = README.read_text()
    wanted = rewritten(text)
    if wanted != text and check:
        yield f"{README.name}: the table of operations is not up to date"
    elif wanted != text:
        README.write_text(wanted)


def main() -> int:
    """Exit status 1 when ``--check`` finds another table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    problems = list(_problems(parser.parse_args().check))
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
