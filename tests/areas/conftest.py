"""An Azure to look at, and the areas over it."""

from support.azure_parts import azure, control, parts  # noqa: F401
from support.repository_parts import repository_parts  # noqa: F401
