"""What is said once something is done or is to be confirmed; English here, translated in `locales/`."""

from dataclasses import dataclass
from typing import Final

from services.login.routes.problems import N_


@dataclass(frozen=True)
class Message:
    """One page of a few words: `kind` colours its sign; `button` and `other` confirm, `link` leads on."""

    code: str
    title: str
    text: str
    icon: str = "check"
    kind: str = "good"
    button: str | None = None
    value: str = "default"
    other: str | None = None
    link: str = N_("Continue")
    submits: bool = False


RESET_SENT: Final = Message(
    "reset-sent",
    N_("Check your mail"),
    N_("If an account has this address, a link to set a new password is on its way. It is good for one hour."),
    icon="mail",
    link=N_("Back to sign-in"),
)
PASSWORD_SET: Final = Message(
    "password-set",
    N_("Your password was changed"),
    N_("Return to the app and sign in with the new password."),
)
VERIFY: Final = Message(
    "verify",
    N_("Is this your address?"),
    N_("Confirm that this mail reached you, and that you created the account."),
    icon="mail",
    kind="",
    button=N_("Confirm my address"),
    submits=True,
)
VERIFIED: Final = Message(
    "verified", N_("Your address is confirmed"), N_("Thank you. You can close this page and return to the app.")
)
UNBLOCK: Final = Message(
    "unblock",
    N_("Unlock your account"),
    N_("Sign-in was paused after wrong passwords. If that was you, unlock it; if not, your password kept them out."),
    icon="clock",
    kind="",
    button=N_("Unlock"),
)
UNBLOCKED: Final = Message(
    "unblocked", N_("Your account is unlocked"), N_("You can sign in again. Return to the app and try once more.")
)
LOGOUT: Final = Message(
    "logout",
    N_("Sign out?"),
    N_("You will be signed out in this browser, of every app that uses this account."),
    icon="leave",
    kind="",
    button=N_("Sign out"),
    value="accept",
    other=N_("Stay signed in"),
)
LOGGED_OUT: Final = Message(
    "logged-out", N_("You are signed out"), N_("It is safe to close this page. See you next time.")
)
STILL_SIGNED_IN: Final = Message(
    "still-signed-in", N_("You are still signed in"), N_("Nothing was changed. You can close this page.")
)

WRONG_CREDENTIALS: Final = N_("Wrong email address or password.")
EMPTY_IDENTIFIER: Final = N_("Enter your email address.")
NO_ADDRESS: Final = N_("Mail cannot be sent to this address. Check it for a slip, or use another one.")
NO_USERNAME: Final = N_("Choose a user name without spaces and without an @.")
EMPTY_PASSWORD: Final = N_("Enter your password.")
TOO_MANY: Final = N_("Too many attempts. Wait a while and try again, or reset your password.")
WEAK_PASSWORD: Final = N_("This password is not safe enough. See what it needs below.")
NO_ACCOUNT: Final = N_("We could not create the account. If you already have one, sign in or reset your password.")
TOO_MANY_ACCOUNTS: Final = N_("Too many accounts were created from here. Wait a while and try again.")
ACCOUNT_EXISTS: Final = N_("There is already an account with this address. Sign in, or reset your password.")
USERNAME_EXISTS: Final = N_("This user name is taken. Choose another one.")

SIGN_UP_REFUSED: Final = {"user_exists": ACCOUNT_EXISTS, "username_exists": USERNAME_EXISTS}
"""By Auth0's code, where the tenant lets it be told; everything else is told as `NO_ACCOUNT`."""
