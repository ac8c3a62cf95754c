"""Pure decisions: no I/O, no clock, no database. Each has a table of cases in its tests."""
