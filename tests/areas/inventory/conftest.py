"""Fresh databases, and an Azure to look at."""

from support.azure_parts import azure, control, parts  # noqa: F401
from support.databases import (  # noqa: F401
    database,
    database_url,
    postgresql_template,
    postgresql_url,
    sqlite_database,
    sqlite_template,
    table_modules,
)
