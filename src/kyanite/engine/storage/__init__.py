"""Places a repository can lie in. One in Azure is in ``kyanite.azure.blob.storage``."""
