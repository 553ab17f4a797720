"""From bytes to text: compression and archives, encodings and code pages, what a file holds."""
