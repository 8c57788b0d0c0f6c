"""The words of the code: the field's terms, one name for one class, a line in the glossary for each table."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from jinja2 import nodes
from jinja2.environment import Environment

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path
    for top in ("mobilize", "workers", "deploy")
    for path in (ROOT / top).rglob("*.py")
    if "migrations" not in path.parts
)
PAGES = sorted((ROOT / "templates").rglob("*.html")) + sorted((ROOT / "mobilize").rglob("*.html"))
TESTS = sorted(path for top in ("tests", "bench") for path in (ROOT / top).rglob("*.py"))
# A private dialect: none of these says what the value is. `result`, `payload`, `stored`, `conditions` do.
DIALECT = {
    *("said", "told", "seen", "shown", "known", "hers", "mine", "ours", "theirs", "found", "deed", "deeds"),
    *("door", "doors", "klass", "bix", "asked", "heard", "given", "made", "wanted", "there", "those", "her"),
}

DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
GENDERED = re.compile(r"\b(she|hers?|herself|he|him|his|himself)\b", re.IGNORECASE)


# Where a node of each kind has the name that it binds.
NAME_IN: dict[type[ast.AST], str] = {
    **dict.fromkeys((ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler), "name"),
    **dict.fromkeys((ast.MatchAs, ast.MatchStar), "name"),
    ast.MatchMapping: "rest",
    ast.arg: "arg",
    ast.alias: "asname",
}


def bindings(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of every function, class, parameter, variable and attribute a module binds, and of what it
    gives to a template."""
    for node in ast.walk(ast.parse(source)):
        yield from ((getattr(node, "lineno", 0), name) for name in bound_by(node) if name)


def bound_by(node: ast.AST) -> list[str | None]:
    if isinstance(node, ast.Name | ast.Attribute):
        return [getattr(node, "id", getattr(node, "attr", None))] if isinstance(node.ctx, ast.Store) else []
    if isinstance(node, ast.Call):
        return [one.arg for one in node.keywords] if ast.unparse(node.func) == "render_template" else []
    return [getattr(node, NAME_IN[type(node)])] if type(node) in NAME_IN else []


def bindings_of_template(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of every macro, parameter and variable a template binds."""
    page = Environment(autoescape=True, extensions=["jinja2.ext.i18n"]).parse(source)
    for node in page.find_all(nodes.Node):
        if isinstance(node, nodes.Name) and node.ctx in ("store", "param") or isinstance(node, nodes.Macro):
            yield node.lineno, node.name


def dialect_in(source: str) -> list[tuple[int, str]]:
    return dialect_of(bindings(source))


def dialect_of(names: Iterator[tuple[int, str]]) -> list[tuple[int, str]]:
    return [(line, name) for line, name in names if name.strip("_").lower() in DIALECT]


def gendered_in(source: str) -> list[str]:
    """Names of functions, and docstrings, in which somebody has a gender."""
    functions = [node for node in ast.walk(ast.parse(source)) if isinstance(node, DOCUMENTED)]
    texts = [
        text for node in functions for text in (getattr(node, "name", ""), ast.get_docstring(node) or "")
    ]
    return [text for text in texts if GENDERED.search(text.replace("_", " "))]


def classes_in(source: str) -> list[ast.ClassDef]:
    return [node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]


def types_in(source: str) -> Iterator[tuple[str, str]]:
    """(name, what it is called elsewhere) of every type a module names: classes, `Cell = str | int`, and
    `import Response as Answer`. Type variables are no types."""
    for part in ast.parse(source).body:
        if isinstance(part, ast.ClassDef):
            yield part.name, ""
        elif isinstance(part, ast.ImportFrom):
            renamed = [alias for alias in part.names if alias.asname and alias.asname != alias.name]
            yield from ((str(alias.asname), alias.name) for alias in renamed)
        elif not is_type_variable(part):
            yield from ((name, "") for name in targets(part))


def is_type_variable(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and ast.unparse(statement.value).startswith("TypeVar(")


def tables_in(source: str) -> set[str]:
    """The classes that are tables."""
    return {
        node.name
        for node in classes_in(source)
        if any("__tablename__" in targets(part) for part in node.body)
    }


def targets(statement: ast.stmt) -> list[str]:
    return [ast.unparse(to) for to in statement.targets] if isinstance(statement, ast.Assign) else []


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_names_are_the_fields_own() -> None:
    sources = {name(path): path.read_text(encoding="utf-8") for path in (*FILES, *TESTS)}
    assert len(FILES) > 300 and len(TESTS) > 250
    assert {file: words for file, source in sources.items() if (words := dialect_in(source))} == {}


def test_names_in_templates_are_the_fields_own() -> None:
    assert len(PAGES) > 100
    sources = {name(path): path.read_text(encoding="utf-8") for path in PAGES}
    results = {file: dialect_of(bindings_of_template(source)) for file, source in sources.items()}
    assert {file: words for file, words in results.items() if words} == {}


def test_eslint_forbids_the_same_words() -> None:
    config = (ROOT / "eslint.config.js").read_text(encoding="utf-8")
    listed = re.findall(r"const dialect = \((.*?)\)", config, re.DOTALL)
    assert [set(re.findall(r"\w+", words)) for words in listed] == [DIALECT]


def test_everybody_is_they() -> None:
    sources = {name(path): path.read_text(encoding="utf-8") for path in (*FILES, *TESTS)}
    assert {file: texts for file, source in sources.items() if (texts := gendered_in(source))} == {}


def test_a_class_name_stands_once() -> None:
    where: dict[str, set[str]] = defaultdict(set)
    for path in FILES:
        for word, imported in types_in(path.read_text(encoding="utf-8")):
            if word[0].isupper() and not word.isupper():
                where[word].add(imported or name(path))
    assert len(where) > 100
    assert {word: sorted(places) for word, places in where.items() if len(places) > 1} == {}


def test_every_model_has_its_line_in_the_glossary() -> None:
    glossary = (ROOT / "docs" / "words.md").read_text(encoding="utf-8")
    named = re.findall(r"^\| `(\w+)` \| \S", glossary, re.MULTILINE)
    sources = [path.read_text(encoding="utf-8") for path in FILES]
    tables = {table for source in sources for table in tables_in(source)}
    classes = {node.name for source in sources for node in classes_in(source)}
    assert len(tables) > 50
    assert tables - set(named) == set()
    assert set(named) - classes == set()
    assert len(named) == len(set(named))


def test_these_tests_see_the_dialect() -> None:
    source = "def said(hers):\n    found = 1\nimport a as door\nfor _seen in x: pass\nfound_at = known.shown"
    source += "\nself.told = 1\ntry: pass\nexcept E as wanted: pass\nmatch x:\n    case [given, *asked]: pass"
    source += "\nrender_template(x, made=1)\npost(known=1)"
    names = {"said", "hers", "found", "door", "_seen", "told", "wanted", "given", "asked", "made"}
    assert {word for _, word in dialect_in(source)} == names


def test_these_tests_see_the_dialect_of_a_template() -> None:
    source = "{% macro asked(given) %}{% set said = seen %}{% for made in x %}{% endfor %}{% endmacro %}"
    assert {word for _, word in dialect_of(bindings_of_template(source))} == {
        "asked",
        "given",
        "said",
        "made",
    }


def test_these_tests_see_a_gender() -> None:
    source = '"""Of Mia."""\ndef code_on_her_phone():\n    """What he types: the other."""\n    her = 1'
    assert gendered_in(source) == ["code_on_her_phone", "What he types: the other."]


def test_these_tests_see_the_name_of_a_type() -> None:
    source = 'from a import Response as Answer\nclass Row: x = 1\nCell = str | int\nItem = TypeVar("Item")'
    assert dict(types_in(source)) == {"Answer": "Response", "Row": "", "Cell": ""}


def test_these_tests_see_a_table() -> None:
    assert tables_in('class Area(Model):\n    __tablename__ = "areas"\nclass Scope:\n    x = 1') == {"Area"}
