"""The kinds of fields that requests are made of."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

# Of an error that no document can describe: it is a refusal, and no misfit.
BAD_TIME = "bad_time"


def _in_our_years(moment: datetime) -> datetime:
    """A year outside these is a slip, and some of them no database can hold."""
    if not 1970 <= moment.year < 2100:
        raise PydanticCustomError(BAD_TIME, "Check the year: it is from 1970 to 2099.")
    return moment.astimezone(UTC)


Moment = Annotated[AwareDatetime, AfterValidator(_in_our_years)]
# Without control characters, which no database of ours takes and nobody types.
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


class RequestBody(BaseModel):
    """What a program sends: nothing that is not described, and each value of its own kind."""

    model_config = ConfigDict(extra="forbid", strict=True)
