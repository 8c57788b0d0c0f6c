"""What an organizer has decided, before it is an action with events."""

import uuid
from dataclasses import dataclass, field

from mobilize.actions.models import ActionKind
from mobilize.actions.spans import LocalSpan
from mobilize.database import new_id


@dataclass(frozen=True)
class Bilingual:
    """A few words in both languages; without Spanish the English stands for both."""

    en: str
    es: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "en", self.en.strip())
        object.__setattr__(self, "es", self.es.strip() or self.en)


@dataclass(frozen=True)
class NewAction:
    """What an organizer decides about an action before it has any place.

    `id` is made when the form is opened: sent twice, it makes one action.
    """

    name: Bilingual
    kind: ActionKind
    span: LocalSpan
    campaign_id: uuid.UUID | None = None
    drill: bool = False
    elsewhere_ok: bool = True
    target_percent: int = 75
    id: uuid.UUID = field(default_factory=new_id)
