"""Small screens over another one that return an answer: a yes or no, a choice."""
