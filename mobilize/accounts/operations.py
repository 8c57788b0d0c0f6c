"""What can be done with accounts, by the subject it is about. Each is one transaction."""

from mobilize.accounts.authenticator_apps import start_app
from mobilize.accounts.chair_change import apply_chairs, carry_out, stage_chairs
from mobilize.accounts.code_requests import ask_for_code, forget_code_requests
from mobilize.accounts.codes import enter_code, send_codes
from mobilize.accounts.grants import grant_line, hand_over, move_grants, revoke_grant
from mobilize.accounts.links import link_address, make_link, spend_link
from mobilize.accounts.people import (
    Invitation,
    end_role,
    give_role,
    invite,
    invite_first_admin,
    set_term,
)
from mobilize.accounts.recovery import new_recovery_codes
from mobilize.accounts.second_admin import agree_to_admin_change
from mobilize.accounts.second_steps import (
    drop_app,
    drop_passkey,
    pass_second_step,
    set_up_app,
    set_up_passkey,
    step_up,
)
from mobilize.accounts.sessions import name_device, sign_out_there
from mobilize.accounts.sign_in_access import change_number, fresh_link, start_anew, stop_link

__all__ = [
    "Invitation",
    "agree_to_admin_change",
    "apply_chairs",
    "ask_for_code",
    "carry_out",
    "change_number",
    "drop_app",
    "drop_passkey",
    "end_role",
    "enter_code",
    "forget_code_requests",
    "fresh_link",
    "give_role",
    "grant_line",
    "hand_over",
    "invite",
    "invite_first_admin",
    "link_address",
    "make_link",
    "move_grants",
    "name_device",
    "new_recovery_codes",
    "pass_second_step",
    "revoke_grant",
    "send_codes",
    "set_term",
    "set_up_app",
    "set_up_passkey",
    "sign_out_there",
    "spend_link",
    "stage_chairs",
    "start_anew",
    "start_app",
    "step_up",
    "stop_link",
]
