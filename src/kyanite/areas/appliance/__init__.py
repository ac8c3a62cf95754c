"""The machine the product runs on: what it is, where it runs, what time it has.

Schedules and retention ask ``time_zone``.
"""

from kyanite.areas.appliance.settings import time_zone

__all__ = ["time_zone"]
