"""A page's fields are read by a form of WTForms, JSON by a model of pydantic; `request.form` only where no
page's form is behind it, and a body by hand only for what is no JSON."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALLOWED = {
    "mobilize/web/page_form.py": "every form is filled from it",
    "mobilize/web/error_pages.py": "gives back the fields of whatever form came too late",
    "mobilize/accounts/second_factor/step_up.py": "carries on whatever form needs a step-up",
    "mobilize/texts/carriers/twilio.py": "the carrier sends it, and its signature covers every field",
    "mobilize/checkins/forms.py": "the member's tap, where a form would cost 7 to 9 % of it",
    "mobilize/demo/carrier/server.py": "stands in for the carrier, whose programs send it",
}
# Who reads a body, and what becomes of it.
BODIES = {
    "mobilize/api/endpoint.py": "validated by the model of the operation",
    "mobilize/api/idempotency.py": "compared as bytes with what was sent under the same key",
    "mobilize/checkins/line/views.py": "counted, then validated as LineBatch",
    "mobilize/checkins/member/views.py": "validated as SavedCheckIn",
    "mobilize/checkins/photos/views.py": "the bytes of a picture",
    "mobilize/texts/carriers/telnyx.py": "its signature is over the bytes; validated as TelnyxEvent",
}


def reads(path: Path) -> bool:
    source = path.read_text(encoding="utf-8")
    return bool(fields_by_hand(source) if path.suffix == ".py" else fields_in_template(source))


def fields_by_hand(source: str) -> list[int]:
    """Lines that name `request.form` or `request.values`."""
    return parts_of_request(source, {"form", "values"})


def bodies_by_hand(source: str) -> list[int]:
    """Lines that take the body of a request, as JSON or as bytes."""
    return parts_of_request(source, {"data", "get_data", "get_json", "json", "stream"})


def parts_of_request(source: str, names: set[str]) -> list[int]:
    nodes = (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Attribute))
    taken = [node for node in nodes if node.attr in names and getattr(node.value, "id", "") == "request"]
    return sorted(node.lineno for node in taken)


def fields_in_template(source: str) -> list[str]:
    return re.findall(r"\brequest\.(?:form|values)\b", source)


def test_only_what_knows_no_form_reads_what_was_sent() -> None:
    files = [*(ROOT / "mobilize").rglob("*.py"), *(ROOT / "templates").rglob("*.html")]
    reading = {str(path.relative_to(ROOT)) for path in files if reads(path)}
    assert len(files) > 400
    assert reading == ALLOWED.keys()


def test_json_is_read_by_a_model() -> None:
    files = [path for path in (ROOT / "mobilize").rglob("*.py") if "demo" not in path.parts]
    reading = {
        str(path.relative_to(ROOT)) for path in files if bodies_by_hand(path.read_text(encoding="utf-8"))
    }
    assert len(files) > 400
    assert reading == BODIES.keys()


def test_this_test_sees_a_field_read_by_hand() -> None:
    source = 'form.data\nrequest.form["a"]\nrequest.args\nx(request.values)\nwords.values()'
    assert fields_by_hand(source) == [2, 4]
    assert bodies_by_hand("request.get_json()\nresponse.get_data()\nx = request.json") == [1, 3]
    assert fields_in_template("{{ request.form.gate }} {{ form.gate }} {{ request.format }}") == [
        "request.form"
    ]
