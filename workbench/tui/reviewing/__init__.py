"""What goes on behind the queue: which tweets are in it, how far it is, and why a model says so."""
