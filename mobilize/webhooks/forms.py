"""The forms of webhooks."""

import uuid

from flask_babel import lazy_gettext as _
from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.validators import InputRequired, Length
from wtforms.widgets import CheckboxInput, ListWidget

from mobilize.database import new_id, parse_id
from mobilize.errors import Refused
from mobilize.web.page_form import PageForm
from mobilize.webhooks.labels import topic_words
from mobilize.webhooks.models import WebhookTopic
from mobilize.webhooks.sending.http import LONGEST_URL

_CHOSEN_APART = (WebhookTopic.CHECK_INS, WebhookTopic.TEST)


class WebhookForm(PageForm):
    """`form_id` becomes the webhook's id: a double tap makes one."""

    form_id = HiddenField(default=new_id)
    name = StringField(_("Name"), validators=[InputRequired(_("Give it a name.")), Length(max=80)])
    url = StringField(
        _("Address"),
        description=_("Begins with https://. It cannot be changed later: make another webhook then."),
        validators=[InputRequired(_("Enter the address.")), Length(max=LONGEST_URL)],
    )
    topics = SelectMultipleField(
        _("What it is told"),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
        validators=[InputRequired(_("Choose at least one."))],
        choices=lambda: [(t.value, words) for t, words in topic_words().items() if t not in _CHOSEN_APART],
    )

    @property
    def id(self) -> uuid.UUID:
        return parse_id(str(self.form_id.data)) or new_id()

    def refuse(self, refusal: Refused) -> None:
        """Show a refusal at the address, which it is mostly about."""
        self.url.errors = [refusal.message]


class NamesForm(PageForm):
    """What single check-ins are for."""

    reason = StringField(_("What for"), default="", validators=[Length(max=300)])
