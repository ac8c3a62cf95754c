"""The routes of the area."""

from kyanite.areas.repositories.routes import repositories, upkeep
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One per tag."""
    return [repositories.routes, upkeep.routes]
