"""What a backup may take of line and memory; may be changed while it runs, by any thread."""

from __future__ import annotations

from kyanite.engine.slots import Slots
from kyanite.engine.storage.throttled import Bandwidth


class Limits:
    """``None`` everywhere: no limit but what ``Parallelism`` says.

    sending    bandwidth to the storage, bytes a second
    receiving  bandwidth from it
    uploads    packs on their way at once
    buffers    packs in memory, being filled or on their way: the memory of a backup
    """

    def __init__(
        self,
        sending_bytes_per_second: float | None = None,
        receiving_bytes_per_second: float | None = None,
        uploads: int | None = None,
        buffers: int | None = None,
    ) -> None:
        self.sending = Bandwidth(sending_bytes_per_second)
        self.receiving = Bandwidth(receiving_bytes_per_second)
        self.uploads = Slots(uploads)
        self.buffers = Slots(buffers)
