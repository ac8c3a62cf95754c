"""Microsoft.Sql as an inventory: servers, managed instances, elastic pools; no databases."""
