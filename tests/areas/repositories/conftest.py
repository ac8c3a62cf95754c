"""Fresh databases, and an Azure to look at."""

from support.azure_parts import azure, control  # noqa: F401
from support.databases import (  # noqa: F401
    database,
    database_url,
    postgresql_template,
    postgresql_url,
    sqlite_database,
    sqlite_template,
    table_modules,
)
from support.repository_parts import repository_parts  # noqa: F401
