"""Machines, disks, snapshots, and the bytes behind them."""
