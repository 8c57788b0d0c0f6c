"""Operations that read what became of texts: states and times, no words and no numbers."""

from pydantic import Field
from sqlalchemy import select

from mobilize.accounts.tokens.access import TokenAccess
from mobilize.accounts.tokens.models import ApiScope
from mobilize.api.endpoint import reading
from mobilize.api.paging import PageQuery, read_page
from mobilize.api.schemas import TextCountsOut, TextListOut, TextOut
from mobilize.texts.enums import TextState
from mobilize.texts.models import OutboxText
from mobilize.texts.queries import counts_by_state


class TextsQuery(PageQuery):
    """Which texts."""

    state: TextState | None = Field(None, description="Only those in this state.")


@reading("/texts", ApiScope.FIGURES, tag="Texts", answer=TextListOut, query=TextsQuery)
def texts(access: TokenAccess, query: TextsQuery) -> TextListOut:
    """The texts to members in view; for a token of the whole union, those to chairs as well."""
    selected, members = select(OutboxText), access.scope.members()
    if members is not None:
        selected = selected.where(OutboxText.member_id.in_(members))
    if query.state:
        selected = selected.where(OutboxText.state == query.state)
    rows, more = read_page(selected, OutboxText.id, query)
    return TextListOut(data=[_text(row) for row in rows], next=more)


@reading("/texts/states", ApiScope.FIGURES, tag="Texts", answer=TextCountsOut)
def text_states(access: TokenAccess) -> TextCountsOut:
    """How many texts are in each state."""
    return TextCountsOut(states=counts_by_state(members=access.scope.members()))


def _text(row: OutboxText) -> TextOut:
    return TextOut(
        id=row.id,
        wording=row.wording,
        state=row.state,
        event_id=row.event_id,
        due_at=row.due_at,
        settled_at=row.settled_at,
    )
