"""Tables and lists in text, and sheets of Excel: dialect, header, quotes, rows."""
