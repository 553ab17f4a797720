"""Where a run is wrong: what is known of it, and how it is laid out."""
