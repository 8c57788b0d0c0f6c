"""The Celery workers: they ask the database what is due. Nothing in `mobilize` knows of them."""
