"""The receiver, for all tests of webhooks."""

from tests.webhooks.receiver import receiver

__all__ = ["receiver"]
