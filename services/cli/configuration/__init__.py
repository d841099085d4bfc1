"""A tenant's configuration as one file, in the shape of Auth0's `tenant.yaml`: what `limen apply` and `export` share.

It reads a file (`document`, `keywords`, `wanted`), asks the Management API what is there (`management`, `present`),
says what differs (`difference`, `showing`) and carries that out (`steps`, `carrying_out`). It speaks HTTP like any
client and knows no table and no event; of the services it takes what describes their bodies, so that a file is refused
before anything is done.
"""
