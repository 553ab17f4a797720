"""What the keys that edit do: the question before many changes, the saved step, the message."""
