"""The SQL of each version of the schema; `storage.migrations` runs it in order."""
