"""Structure of a page: lines and layout regions to paragraphs, lists, figures and reading order."""
