from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from libs.edge import Call, Request, authorise
from libs.edge.management import InsufficientScope, InvalidToken, MissingAuthentication
from libs.edge.management_errors import BadRequest, ManagementError, Unauthenticated
from libs.jose import Signer, SignedClaims, SigningKey, VerifyingKey, new_signing_key
