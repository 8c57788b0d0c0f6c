"""The pages of no room: home, guides and manuals, switches, health checks."""
