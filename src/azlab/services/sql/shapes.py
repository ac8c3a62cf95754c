"""Which members the bodies of requests about SQL may have."""

from azlab.core.members import body_check

check_body = body_check(__package__)
