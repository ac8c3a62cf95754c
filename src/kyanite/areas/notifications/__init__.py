"""E-mail: results of policies, and the report of the day (docs/behaviour/appliance.md §7)."""
