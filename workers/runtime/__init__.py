"""What runs the tasks of a worker: its processes, its clock, its wakes, and what is written down about it."""
