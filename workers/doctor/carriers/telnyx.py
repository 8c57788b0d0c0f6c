"""The account at Telnyx: its key, our numbers, their registration, and where texts go.

Source: https://developers.telnyx.com/api (Messaging Profiles, Phone Numbers, 10DLC)
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from mobilize import settings
from mobilize.observability.findings import Finding, finding
from mobilize.texts.carriers import inbound_address
from workers.doctor.http import HttpAnswer, get


def account(_now: datetime) -> Sequence[Finding]:
    """Its findings, or that all is as it should be."""
    if "telnyx" not in settings().carriers_set_up:
        return []
    answer = _ask("/v2/phone_numbers/messaging?page[size]=250")
    if answer.error or answer.status >= 500:
        return [finding("telnyx.away", error=answer.error or str(answer.status))]
    if answer.status != 200:
        return [finding("telnyx.credentials")]
    rows = answer.json.get("data", [])
    return list(_troubles(rows)) or [finding("telnyx.ok")]


def _troubles(rows: list[dict[str, Any]]) -> Iterator[Finding]:
    profiles = {row.get("phone_number"): row.get("messaging_profile_id") for row in rows}
    if not all(profiles.get(number) for number in settings().telnyx_numbers):
        yield finding("telnyx.number")
    expected = inbound_address("telnyx")
    for profile in sorted({str(profiles[n]) for n in settings().telnyx_numbers if profiles.get(n)}):
        settings_there = _ask(f"/v2/messaging_profiles/{profile}").json.get("data", {})
        address = str(settings_there.get("webhook_url") or "")
        if address != expected or settings_there.get("webhook_api_version") != "2":
            yield finding("telnyx.webhook", address=address or "-", expected=expected)
    campaigns = [_ask(f"/v2/10dlc/phone_number_campaigns/{one}") for one in settings().telnyx_numbers]
    if any(campaign.status == 404 for campaign in campaigns):
        yield finding("telnyx.unregistered")


def _ask(path: str) -> HttpAnswer:
    chosen = settings()
    return get(chosen.telnyx_api_url + path, {"Authorization": f"Bearer {chosen.telnyx_api_key}"})
