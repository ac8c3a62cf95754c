"""The program that moves the bytes: a process of its own, here or on a worker machine.

It is given one order at a time and holds nothing but that order's rights: no database, no
master key, no credential that could overwrite or delete. The appliance speaks to it in
versioned messages (``messages``) over a channel that delivers each of them at least once
and in order (``channel``), whatever the transport does to single frames, and that refuses
everything from another run or another epoch (``fence``).
"""
