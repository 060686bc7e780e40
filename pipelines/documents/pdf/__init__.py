"""PDFs: pages and text layers, read by PDFium in a process of its own."""
