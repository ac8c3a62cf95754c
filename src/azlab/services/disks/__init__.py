"""The bytes of disks: sparse layers that snapshots share, and the data plane behind a SAS."""
