"""The audit log: who did what, when, to which object; and that nobody has edited it since.

Entries are a chain: each one's hash covers its contents and the hash of the entry before it. The
head of the chain is sealed with a key that the database does not hold, and noted outside of the
database. What each kind of thief can do to it, and how it is found, is in
docs/security/threat-model.md.

Others may import `log.AuditLog` (wired by the server) and `verification.verify`.
"""
