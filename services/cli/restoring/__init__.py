"""What must not come back to life after a restore, by service: lost events turned into commands that say it again.

Only what restricts is repeated (SECURITY I5): deletions, replaced secrets, removed keys, narrowed grants. What allowed
something is not, because it may be the very reason for going back to a backup; the saved tail says what it was.
"""
