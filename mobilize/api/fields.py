"""The kinds of fields that requests are made of."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

# Of an error that no document can describe: it is a refusal, and no misfit.
BAD_TIME = "bad_time"
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d")


def _as_written(sent: object) -> object:
    """As RFC 3339 writes it; else pydantic would also take seconds since 1970."""
    if not isinstance(sent, str) or not _RFC_3339.match(sent):
        raise ValueError("written like 2026-03-03T07:00:00-08:00")
    return sent


def _in_our_years(moment: datetime) -> datetime:
    """A year outside these is a slip, and some of them no database can hold."""
    if not 1970 <= moment.year < 2100:
        raise PydanticCustomError(BAD_TIME, "Check the year: it is from 1970 to 2099.")
    return moment.astimezone(UTC)


Moment = Annotated[
    AwareDatetime, Field(strict=False), BeforeValidator(_as_written), AfterValidator(_in_our_years)
]


def _as_int(sent: object) -> object:
    """In JSON 7 and 7.0 are the same number."""
    return int(sent) if isinstance(sent, float) and sent.is_integer() else sent


AS_INT = BeforeValidator(_as_int)
Whole = Annotated[int, AS_INT]
# Without control characters, which no database of ours takes and nobody types.
Line = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]


def example(body: dict[str, Any]) -> JsonDict:
    """What a model's schema says besides its fields: one body as a program may send it."""
    return {"examples": [body]}


class RequestBody(BaseModel):
    """What a program sends: nothing that is not described, and each value of its own kind."""

    model_config = ConfigDict(extra="forbid", strict=True)
