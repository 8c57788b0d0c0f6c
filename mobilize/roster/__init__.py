"""Roster: areas, sites, chapters and members, and the files they are imported from."""
