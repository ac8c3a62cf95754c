"""The commands of `kyanite`: one file each."""
