"""Microsoft.Authorization: roles, assignments, own permissions, deny assignments, locks."""
