"""The same client with Auth0's own SDK, unmodified: only the domain is another.

set -a; . .limen/quickstart.env; set +a
python examples/m2m/with_auth0_python.py http://localhost:3010/messages
"""

import json
import os
import sys
from urllib.request import Request, urlopen

from auth0.authentication import GetToken


def main() -> int:
    """Get a token, call the API named on the command line, print what it says."""
    env = os.environ
    get_token = GetToken(
        env["LIMEN_DOMAIN"],
        env["LIMEN_CLIENT_ID"],
        client_secret=env["LIMEN_CLIENT_SECRET"],
        protocol=env["LIMEN_ISSUER"].partition(":")[0],  # https is the SDK's default; a plain `limen up` has no TLS
    )
    token = get_token.client_credentials(env["LIMEN_AUDIENCE"])["access_token"]
    with urlopen(Request(sys.argv[1], headers={"Authorization": f"Bearer {token}"}), timeout=10) as response:
        print(json.dumps(json.load(response)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
