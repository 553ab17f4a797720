"""The keys that fill the list: its filter, its order, and the run whose predictions it shows."""
