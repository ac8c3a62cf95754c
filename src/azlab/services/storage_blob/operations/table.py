"""Every operation of the blob service: how it is recognised, what it takes, what it needs.

What is not here is answered loudly. Headers and parameters that are not listed are refused.
"""

from azlab.services.storage_blob.operations import blob_table, container_table, service_table
from azlab.services.storage_blob.service import Operation

OPERATIONS: tuple[Operation, ...] = (
    *service_table.OPERATIONS,
    *container_table.OPERATIONS,
    *blob_table.OPERATIONS,
)
