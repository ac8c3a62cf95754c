"""Are the points there that traces speak of? Part of verifying."""

from __future__ import annotations

from collections.abc import Container, Iterable

from kyanite.base.errors import EngineError, ObjectMissing
from kyanite.engine.format import point_name
from kyanite.engine.storage.base import Storage
from kyanite.engine.threads import parallel_map
from kyanite.engine.traces import Trace, read_trace, trace_name


def lone_traces(
    storage: Storage,
    maintenance_key: bytes,
    repository_id: bytes,
    traces: Iterable[str],
    announced: Container[str],
    read_all: bool,
) -> list[tuple[str, str, str]]:
    """Traces that are damaged or whose point is not among ``announced``.

    ``traces`` were listed before the points, and a deletion removes the trace first: so one
    that is still there now has lost its point to somebody else. Each as the name of the
    object that is wrong, a sentence, and the session.
    """

    def read(session_id: str) -> Trace | str | None:
        try:
            return read_trace(storage, session_id, maintenance_key, repository_id)
        except ObjectMissing:
            return None  # deleted meanwhile
        except EngineError as error:
            return str(error)

    wanted = sorted(one for one in traces if read_all or one not in announced)
    found: list[tuple[str, str, str]] = []
    for session_id, trace in zip(wanted, parallel_map(read, wanted), strict=True):
        if isinstance(trace, str):
            found.append((trace_name(session_id), trace, session_id))
        elif trace is not None and session_id not in announced:
            reason = (
                f"The point {trace.label!r} of machine {trace.machine_id}, made at "
                f"{trace.created_at}, is gone: only its trace is left."
            )
            found.append((point_name(session_id), reason, session_id))
    return found
