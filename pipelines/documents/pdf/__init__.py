"""PDFs: pages and text layers, read by PDFium in its own process."""
