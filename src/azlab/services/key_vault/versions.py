"""The api-versions that vaults take, in ARM and in their data plane."""

MANAGEMENT = (
    "2019-09-01",
    "2021-10-01",
    "2022-07-01",
    "2023-02-01",
    "2023-07-01",
    "2024-11-01",
    "2026-02-01",
    "2026-05-15",
)
RBAC_BY_DEFAULT_SINCE = "2026-02-01"
"""From this version on a new vault that says nothing is protected by roles."""
DATA = ("7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6", "2025-07-01")
