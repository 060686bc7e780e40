"""Documents: text, layout, tables and reading order of pages, whether they come as PDF, scan or screenshot."""
