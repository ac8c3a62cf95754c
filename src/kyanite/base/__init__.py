"""The words everyone uses: errors, identifiers, clock, units. Standard library only."""
