"""Numbers over all areas: the dashboards, and what a licence would count.

Everything is computed from the rows of the areas when it is asked for.
"""
