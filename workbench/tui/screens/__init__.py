"""One screen a file. Imported by the app; they import `host`, never the app."""
