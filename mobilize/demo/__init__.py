"""The demo: an invented local, a stand-in carrier, and one command that runs the whole service."""
