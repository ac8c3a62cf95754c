"""Sessions and operations: what is happening, what happened, and stopping it.

The rows are written by ``durable``; this area shows them. Other areas use:

- `session_wire`, `sessions_wire`: the body of an answer that has just started sessions;
- `active_sessions`, `last_sessions`: what a policy is doing and did last;
- `stop_sessions`: stop all sessions of a policy;
- `policy_removed`, `repository_removed`: sessions outlive both, and say so.
"""

from kyanite.areas.sessions.queries import active_sessions, last_sessions
from kyanite.areas.sessions.sessions import (
    policy_removed,
    repository_removed,
    session_wire,
    sessions_wire,
    stop_sessions,
)

__all__ = [
    "active_sessions",
    "last_sessions",
    "policy_removed",
    "repository_removed",
    "session_wire",
    "sessions_wire",
    "stop_sessions",
]
