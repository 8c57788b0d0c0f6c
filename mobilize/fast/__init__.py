"""The fast path of a check-in and of what is open while people check in: what it does beyond plain Flask and
SQLAlchemy.

`group_commit`  requests that meet in one process share a transaction (docs/decisions/0007)
`autocommit`    the pool on which each statement is a transaction by itself (0008)
`statements`    statements built once, and many rows in one of them (0008)
`versions`      numbers that tell whether anything changed on a line (0020)
`page_cache`    pages rendered and compressed once, with gaps for what is each answer's own (0009)
`shared_drawings`  drawings of boards that the processes of a server share (0034)

Elsewhere, since they belong to the web: `web.security_headers`, `web.repeated_answers` (0020, 0034) and
`web.rsgi` (0006, 0035).
"""
