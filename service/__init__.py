"""Who asks and who watches: settings, HTTP, the command line, metrics. Knows nothing of tensors."""
