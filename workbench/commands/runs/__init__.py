"""The commands that start runs, look at them and use what they trained."""
