"""The one blob database of a lab, opened when first asked for.

ARM handlers, the scene loader and the data plane work on the same containers. The lab has no place
for such a thing of ours, so it is remembered here by lab.
"""

from weakref import WeakKeyDictionary

from azlab.core.service import Lab
from azlab.services.storage_blob.store.database import Database

_OPEN: WeakKeyDictionary[Lab, Database] = WeakKeyDictionary()


def open_database(lab: Lab) -> Database:
    """Also makes it forget everything on a reset, and close when the lab stops."""
    database = _OPEN.get(lab)
    if database is None:
        database = _OPEN[lab] = Database(lab.dir / "storage_blob")
        lab.on_reset(database.empty)
        lab.on_stop(database.close)
    return database
