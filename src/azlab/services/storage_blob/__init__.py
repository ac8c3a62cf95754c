"""Azure Blob Storage's data plane: block blobs in path style, `https://127.0.0.1:PORT/account`."""
