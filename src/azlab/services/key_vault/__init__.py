"""Key Vault: vaults in ARM, and their keys with real RSA behind a port for each vault."""
