"""Microsoft Graph: applications, service principals, groups, people and the organization."""
