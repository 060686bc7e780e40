"""Shadow versions: a candidate runs beside the live version of a model, is compared with it, and can be promoted."""
