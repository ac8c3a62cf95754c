"""Who may do what: shared keys, shared access signatures and bearer tokens."""
