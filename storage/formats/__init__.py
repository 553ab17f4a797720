"""File formats: a file becomes rows and rows become a file; knows no database."""
