"""The web server and what it does with every request: bodies, headers, limits, static files, error pages."""
