"""Who are you, and what may you do: local users, their roles, sign-ins and tokens.

Others may import `users` (use cases on accounts) and `tokens.Tokens` (wired by the server).
"""
