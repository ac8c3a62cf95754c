"""Microsoft.Compute: machines, disks, snapshots and the access to their bytes."""
