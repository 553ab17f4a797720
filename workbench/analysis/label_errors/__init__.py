"""How likely each given label is to be wrong: who votes on it, and how labels go wrong."""
