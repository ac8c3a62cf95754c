"""The demonstration: protect, lose and restore machines of a small local Azure.

It is an outsider. It starts ``azlab`` and ``kyanite`` as programs and talks to them as any
client would: the appliance by its REST API, the lab by Azure's. It imports neither package, so
that what it calls equal was compared by somebody else's code.
"""
