"""All pages on which people say who they are, in one piece for `app`; the consent page stands with the protocol."""

from libs.edge import Route
from services.login.factors.tickets import Tickets
from services.login.routes.flow import Flow
from services.login.routes.login_pages import LoginPages, Proves
from services.login.routes.remembered import Remembered
from services.login.routes.reset_pages import ResetPages
from services.login.routes.showing import Pages
from services.login.routes.signup_pages import Registers, SignUpPages
from services.login.routes.verify_page import LinkPages


def routes(
    flow: Flow, pages: Pages, factor: Proves, sign_up: Registers, tickets: Tickets, remembered: Remembered
) -> tuple[Route, ...]:
    """The table of routes."""
    return (
        *LoginPages(flow, pages, factor, remembered).routes(),
        *SignUpPages(flow, pages, sign_up, remembered).routes(),
        *ResetPages(flow, pages, tickets).routes(),
        *LinkPages(pages, tickets).routes(),
    )
