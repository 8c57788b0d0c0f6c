"""Encryption keys, blind indexes and random tokens."""
