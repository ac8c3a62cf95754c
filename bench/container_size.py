"""How much lies in a folder of a container: ``python -m bench.container_size CONTAINER FOLDER``.

Prints bytes and objects. The environment has the SAS and the CA, as for ``kyanite repo``.
"""

from __future__ import annotations

import os
import sys

from azure.storage.blob import ContainerClient


def main() -> None:
    """Count what the service lists."""
    container, folder = sys.argv[1:]
    client = ContainerClient.from_container_url(
        container,
        credential=os.environ["KYANITE_STORAGE_SAS"],
        connection_verify=os.environ["KYANITE_AZURE_CA_FILE"],
    )
    sizes = [blob.size for blob in client.list_blobs(name_starts_with=f"{folder.strip('/')}/")]
    print(sum(sizes), len(sizes))


if __name__ == "__main__":
    main()
