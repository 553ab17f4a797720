"""Modal screens that return an answer: a yes or no, a choice."""
