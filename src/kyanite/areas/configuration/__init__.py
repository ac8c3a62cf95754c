"""The configuration check: does everything that was entered still work?

docs/behaviour/appliance.md §3. It asks Azure and the repositories with what is entered, and
changes nothing but what it learns about owners and accounts.
"""
