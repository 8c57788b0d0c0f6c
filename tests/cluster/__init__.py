"""Several machines on one: `make cluster` runs the service on loopback addresses of their own, kills them in
turn under load, and looks for what was lost or doubled."""
