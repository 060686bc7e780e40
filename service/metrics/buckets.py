"""Upper bounds of histograms; a metric that has others says why."""

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
DOCUMENT_SECONDS = (*SECONDS, 60, 150, 600)  # a PDF of 200 pages takes minutes
ITEMS = (1, 2, 4, 8, 16, 32, 64)
