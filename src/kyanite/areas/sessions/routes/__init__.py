"""The routes of the area, one file per tag."""

from kyanite.areas.sessions.routes import job_sessions, operations, session_items
from kyanite.http.routes import Routes


def routers() -> list[Routes]:
    """One per file."""
    return [job_sessions.routes, session_items.routes, operations.routes]
