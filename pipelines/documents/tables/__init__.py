"""Tables."""
def table_of(*a): return []
