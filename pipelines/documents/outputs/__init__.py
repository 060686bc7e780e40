"""Documents in the forms that others read: Markdown, plain text, hOCR, and PDFs that can be searched."""
