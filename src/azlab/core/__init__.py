"""What services of the lab stand on: HTTP, state, ARM conventions, operations, clock, faults."""
