"""Mutation testing of the modules that hold rules."""
