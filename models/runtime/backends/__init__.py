"""The backends that run graphs; each is the only module that knows its library, and translates its errors."""
