"""The api-versions that Microsoft.Sql takes."""

SQL = ("2025-01-01", "2023-08-01", "2021-11-01")
