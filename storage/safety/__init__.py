"""What can go wrong with files: backups, damage, permissions, file systems, errors of the system.

Imported by the store itself, so only `restoring` and `integrity` may import the store.
"""
