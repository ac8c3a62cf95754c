"""Storage accounts through Azure Resource Manager; their blobs are the service `storage_blob`."""
