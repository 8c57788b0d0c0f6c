"""The words for topics, states and results of webhooks."""

from mobilize.languages import _
from mobilize.webhooks.models import DeliveryState, WebhookTopic


def topic_words() -> dict[WebhookTopic, str]:
    """What each topic is."""
    return {
        WebhookTopic.TURNOUT_CHANGED: _("Turnout changed (figures for outsiders, once a minute)"),
        WebhookTopic.HEAD_COUNT: _("A head count was reported"),
        WebhookTopic.SITE_SILENT: _("A site sent no head count"),
        WebhookTopic.EVENT_MOVED: _("An event was moved"),
        WebhookTopic.ACTION_CLOSED: _("An action was closed, its figures fixed"),
        WebhookTopic.ACTION_CALLED_OFF: _("An action was called off"),
        WebhookTopic.REPORT_READY: _("A report is ready"),
        WebhookTopic.TEXT_FAILED: _("A text could not be delivered"),
        WebhookTopic.CHECK_INS: _("Single check-ins, with names"),
        WebhookTopic.TEST: _("A test"),
    }


def state_words() -> dict[DeliveryState, str]:
    """What became of a delivery."""
    return {
        DeliveryState.WAITING: _("waiting"),
        DeliveryState.DELIVERED: _("delivered"),
        DeliveryState.GIVEN_UP: _("given up"),
    }


def result_words(result: str | None) -> str:
    """Why the last try failed."""
    words = {
        None: "",
        "2xx": "",
        "timeout": _("no answer in time"),
        "no_connection": _("no connection"),
        "bad_certificate": _("its certificate is not valid"),
        "no_such_host": _("no server has that name"),
        "not_public": _("not on the public internet"),
    }
    return words[result] if result in words else _("it answered %(status)s", status=result)


def off_words(reason: str | None) -> str:
    """Why a webhook is off."""
    return {
        "by_hand": _("switched off"),
        "gone": _("its server says that it wants no more"),
        "failing": _("nothing arrived there for three days"),
        "secret_lost": _("its new secret was lost in a restore: make another, then switch it on"),
    }.get(reason or "", "")
