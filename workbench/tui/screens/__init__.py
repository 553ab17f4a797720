"""One screen per file: each builds its view and forwards what the user wants."""
