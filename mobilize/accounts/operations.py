"""What can be done with accounts, by the subject it is about. Each is one transaction."""

from mobilize.accounts.codes import ask_for_code, enter_code, forget_code_requests, send_codes
from mobilize.accounts.grants import grant_line, hand_over, move_grants, revoke_grant
from mobilize.accounts.links import link_address, make_link, spend_link
from mobilize.accounts.people import Invitation, end_role, fresh_link, give_role, invite

__all__ = [
    "Invitation",
    "ask_for_code",
    "end_role",
    "enter_code",
    "forget_code_requests",
    "fresh_link",
    "give_role",
    "grant_line",
    "hand_over",
    "invite",
    "link_address",
    "make_link",
    "move_grants",
    "revoke_grant",
    "send_codes",
    "spend_link",
]
