"""Who are you, and what may you do: local users, their roles, sign-ins and tokens.

Others may import `users` and `user_queries`; `Tokens`, `SignIns`, `SecondFactor`, `Lockout` and
`PasswordChanges` are wired by the server (`wiring.provide_access`).
"""
