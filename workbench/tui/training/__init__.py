"""What the page of a run shows of its training: curves, facts, and how they are laid out."""
