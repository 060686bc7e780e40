"""The structure of a page: from lines and layout blocks to paragraphs, lists, figures and reading order."""
