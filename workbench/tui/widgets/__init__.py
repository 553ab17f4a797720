"""One widget a file. They know nothing of the screens that they are on."""
