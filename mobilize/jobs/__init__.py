"""Long work that somebody starts, and a worker does: jobs, their files, and the page that shows one."""
