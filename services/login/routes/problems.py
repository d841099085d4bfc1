"""What goes wrong in front of a person, and what the page says of it: what happened, and what to do now.

    Problem
    ├── Forged               403  the form does not come from our page in this browser
    ├── Expired              400  the login is over, or was never there
    ├── OtherBrowser         403  it began in another browser, or this one takes no cookies
    ├── AlreadyDone          400  somebody went back to a page that is behind them
    ├── UnknownApplication   400  no application has this client_id
    ├── BadRedirectURI       400  the application has not registered where the answer should go
    ├── BadRequest           400  the address was put together wrongly
    ├── LinkSpent            400  a link from a mail was used, or is too old
    │   └── LinkNotKept           no link came along
    ├── NoSuchPage           404  there is nothing here
    ├── Away                 503  a part of the service is away
    └── Broken               500  our fault

The sentences are English here and in `locales/` translated; they are marked by `N_`.
"""

from typing import ClassVar


def N_(sentence: str) -> str:  # noqa: N802  # gettext's name for it
    """Mark a sentence that is translated where it is shown."""
    return sentence


class Problem(Exception):
    """Something a person reads instead of what they came for."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = "problem"
    title: ClassVar[str]
    text: ClassVar[str]
    icon: ClassVar[str] = "warn"
    retry_after: int | None = None

    def __init__(self, *, back: str | None = None, detail: str | None = None) -> None:
        """`back` is a checked address where it can begin anew; `detail` is for who wrote the application."""
        super().__init__(self.code)
        self.back = back
        self.detail = detail


class Forged(Problem):
    """The form does not come from our page in this browser."""

    status = 403
    code = "forged"
    title = N_("This form could not be accepted")
    text = N_("It was not sent from our page in this browser. Go back, reload the page and try again.")


class Expired(Problem):
    """The login is over, or was never there."""

    code = "expired"
    icon = "clock"
    title = N_("This sign-in has expired")
    text = N_("The page was open for too long, or its link was already used. Go back to the app and sign in again.")


class OtherBrowser(Problem):
    """The login began elsewhere."""

    status = 403
    code = "other_browser"
    title = N_("This sign-in began in another browser")
    text = N_(
        "For your safety a sign-in ends where it began. Continue there, or go back to the app and sign in again."
        " If you see this in the same browser, allow cookies for this site."
    )


class AlreadyDone(Problem):
    """Somebody went back."""

    code = "already_done"
    icon = "check"
    # They may have signed out since, so it is not said that they are signed in.
    title = N_("This sign-in is complete")
    text = N_("This page is behind you. Return to the app to go on, or to sign in again.")


class UnknownApplication(Problem):
    """No application has this client_id."""

    code = "unknown_application"
    title = N_("We do not know this app")
    text = N_("The app that sent you here is not registered. Go back, or tell the people who run the app.")


class BadRedirectURI(Problem):
    """Where the answer should go is not registered."""

    code = "bad_redirect_uri"
    title = N_("This link is not safe to follow")
    text = N_(
        "The app asked us to send you to an address that it has not registered, so we stopped here."
        " Tell the people who run the app."
    )


class BadRequest(Problem):
    """The address was put together wrongly."""

    code = "bad_request"
    title = N_("This link does not work")
    text = N_("Something in it is missing or wrong. Go back to the app and try again.")


class LinkSpent(Problem):
    """A link from a mail was used, or is too old, or there is a newer one."""

    code = "link_spent"
    title = N_("This link is no longer valid")
    text = N_("It was already used, is too old, or there is a newer one. Ask for a new link and use the latest mail.")


class LinkNotKept(LinkSpent):
    """No link from a mail came along: its cookie was not taken, or went when the link was used."""

    code = "link_not_kept"
    text = N_(
        "It was already used, or this browser did not keep it."
        " If the mail is new, allow cookies for this site and open the link again."
    )


class NoSuchPage(Problem):
    """There is nothing here."""

    status = 404
    code = "no_such_page"
    title = N_("There is nothing here")
    text = N_("Check the address, or go back to the app.")


class Away(Problem):
    """A part of the service is away."""

    status = 503
    code = "away"
    icon = "clock"
    title = N_("We will be right back")
    text = N_("Sign-in is busy or restarting. Nothing is lost: wait a moment and reload this page.")

    def __init__(self, *, retry_after: int | None = 1) -> None:
        super().__init__()
        self.retry_after = retry_after


class Broken(Problem):
    """Our fault."""

    status = 500
    code = "broken"
    title = N_("Something went wrong")
    text = N_("It is not your fault. Try again; if it happens again, tell us the number below.")
