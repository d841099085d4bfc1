"""What the gateway keeps in memory of others: whose host it is, which keys are public, what discovery says.

All are following read models without a table: every replica fills its own from the first event on.
"""
