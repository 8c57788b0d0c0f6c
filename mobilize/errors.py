"""The exception of refused operations: a message for the person and a stable code for machines."""


class Refused(Exception):
    """An operation declined what was asked. Nothing was changed.

    `code` is stable and for machines; `message` is already in the person's language, says what is wrong
    and what to do, and never repeats a name or a number; `status` is the HTTP status the web answers with.
    """

    def __init__(self, code: str, message: str, *, status: int = 422):
        super().__init__(code)
        self.code = code
        self.message = str(message)
        self.status = status
