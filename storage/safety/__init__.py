"""What can go wrong on a disk: backups, restoring, damage, permissions, errors of the system.

Below the store, so it imports locks, connections and errors only. Whether the tables agree with
one another is checked in `storage.history.integrity`.
"""
