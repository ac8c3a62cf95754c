"""Scenes: what a new lab holds, and the images of its disks."""
