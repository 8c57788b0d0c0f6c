"""Backups, and what has to happen after one was put back."""
