"""Storage accounts, their containers, and repositories in them."""
