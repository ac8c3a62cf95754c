"""The routes of the area, one file per tag."""

from kyanite.areas.sessions.routes import job_sessions, operations
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One per tag."""
    return [job_sessions.routes, operations.routes]
