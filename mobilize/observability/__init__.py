"""Observability: logs, metrics, health checks, and the last runs of tasks."""
