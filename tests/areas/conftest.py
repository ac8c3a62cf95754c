"""Databases for the tests of areas."""

from support.databases import *  # noqa: F403
