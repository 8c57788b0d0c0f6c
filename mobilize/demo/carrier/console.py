"""The answers of the stand-ins about the account, its service and its sender, as carriers do:
https://www.twilio.com/docs/messaging/api/service-resource, https://developers.telnyx.com/api
"""

import re
import time
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from mobilize.demo.carrier.http import Reply, json_reply


@dataclass
class AccountSetup:
    """What was set up in the carrier's console. An empty `webhook` is the right one."""

    status: str = "active"
    type: str = "Full"
    service: str = ""  # any
    webhook: str = ""
    on_number: bool = False  # the number's own webhook counts, and not the service's
    has_number: bool = True
    registration: str = "VERIFIED"
    clock_s: float = 0  # how far its clock is ahead


def twilio_answer(setup: AccountSetup, account: str, number: str, webhook: str, path: str) -> Reply | None:
    """Twilio's answer about the account; None for what is not about it."""
    if path == f"/2010-04-01/Accounts/{account}.json":
        return _dated(setup, {"sid": account, "status": setup.status, "type": setup.type})
    if path == f"/2010-04-01/Accounts/{account}/IncomingPhoneNumbers.json":
        row = {"phone_number": number, "sms_url": setup.webhook or webhook}
        return _dated(setup, {"incoming_phone_numbers": [row]})
    if path.startswith("/v1/Tollfree/Verifications"):
        return _dated(setup, {"verifications": [{"status": setup.registration}]})
    service = re.fullmatch(r"/v1/Services/(\w+)(/\w+)?(/\w+)?", path)
    if not service or setup.service not in ("", service[1]):
        return None
    rows = (
        [{"sid": "PN" + "0" * 32, "phone_number": number, "short_code": number}] if setup.has_number else []
    )
    parts: dict[str | None, Any] = {
        None: {
            "sid": service[1],
            "inbound_request_url": None if setup.on_number else setup.webhook or webhook,
            "use_inbound_webhook_on_number": setup.on_number,
        },
        "/PhoneNumbers": {"phone_numbers": rows},
        "/ShortCodes": {"short_codes": rows},
        "/Compliance": {"compliance": [{"campaign_status": setup.registration}]},
    }
    return _dated(setup, parts[service[2]]) if service[2] in parts else None


def telnyx_answer(setup: AccountSetup, number: str, webhook: str, path: str) -> Reply | None:
    """Telnyx's answer about the account; None for what is not about it."""
    profile = "40017c92-4b53-4e3c-8b3a-1f0d1a0e2b11"
    if path == "/v2/phone_numbers/messaging":
        row = {"phone_number": number, "messaging_profile_id": profile if setup.has_number else None}
        return _dated(setup, {"data": [row]})
    if path == f"/v2/messaging_profiles/{profile}":
        row = {"webhook_url": setup.webhook or webhook, "webhook_api_version": "2"}
        return _dated(setup, {"data": row})
    if path == f"/v2/10dlc/phone_number_campaigns/{number}" and setup.registration == "VERIFIED":
        return _dated(setup, {"phoneNumber": number, "assignmentStatus": "ASSIGNED"})
    return None


def _dated(setup: AccountSetup, value: object) -> Reply:
    reply = json_reply(value)
    reply.headers["Date"] = formatdate(time.time() + setup.clock_s, usegmt=True)
    return reply
