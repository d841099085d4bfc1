"""Owns how the address of a mailbox is read (RFC 5321 §4.1.2): its syntax alone, whether mail arrives is found out.

Names for special use (RFC 6761) are refused by the library from a list of the whole process. Here they are somebody's
own: a company's `.local`, a test's `.test`. So the list is emptied, once, by the one module that reads addresses.
"""

import email_validator
from email_validator import EmailNotValidError, ValidatedEmail

__all__ = ["EmailNotValidError", "ValidatedEmail", "read_mailbox"]

email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()


def read_mailbox(text: str, *, is_ascii: bool = False) -> ValidatedEmail:
    """The parts of one plain address, without a quoted local part; `is_ascii` wants it to be so before the @.

    Raises:
        EmailNotValidError: it is none, or has more than 64 octets before the @ (§4.5.3.1.1).
    """
    return email_validator.validate_email(
        text, allow_smtputf8=not is_ascii, strict=True, check_deliverability=False, globally_deliverable=False
    )
