"""The keys that edit tweets: the question before many changes, the saved step, the message."""
