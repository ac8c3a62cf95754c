"""Microsoft.Resources: cloud metadata, tenants, subscriptions, regions, groups, tags, providers."""
