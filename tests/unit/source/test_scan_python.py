"""The scan of Python: what the grammar gives, on texts made to mislead it."""

from __future__ import annotations

import codecs
from collections.abc import Callable

import pytest
from growth import assert_linear
from hypothesis import given, settings
from hypothesis import strategies as st
from readings_of import agree, certain, scanned

# (text, how many statements the scan must find with certainty)
CERTAIN = [
    ("", 0),
    ("import a\n", 1),
    ("import a", 1),
    ("import a.b.c as d, e, f.g\n", 3),
    ("from a import b, c as d\n", 1),
    ("from a import*\n", 1),
    ("from .import a\nfrom . import b\nfrom ..a.b import c\nfrom...x import y\n", 4),
    ("from a import (b,\n    c as d,  # e, f\n)\n", 1),
    ("from a import(b)\n", 1),
    ("from a import \\\n    b, \\\n    c\nimport d\n", 2),
    ("import a; import b ; from c import d\n", 3),
    ("x = 1; import a\n", 1),
    ("x = ';import b'; import a\n", 1),
    ("import async_, await_\nfrom async_.io import x\n", 3),
    ("import importlib\nimport imported.important as important\n", 2),
    ("\tif x:\n\t\timport a\n".replace("\t", "", 1).replace("\n\t", "\n"), 1),
    ("import a\r\nif x:\r\n    import b\r\n", 2),
    ("import a  # import b\n# import c\n", 1),
    ('"""\nimport a\n"""\nimport b\n', 1),
    ("'''import a'''\nimport b\n", 1),
    ('x = """a""" + """\nimport a\n"""\nimport b\n', 1),
    ("x = \"'''\"\nimport a\ny = \"'''\"\n", 1),
    ('# it\'s """ here\nimport a\n# and """ there\n', 1),
    ('x = "#"; y = """\nimport a\n"""\nimport b\n', 1),
    ('x = r"\\"\nimport a\n'.replace('r"\\"', 'r"\\\\"'), 1),
    ('"""\\"""\nimport a\n"""\nimport b\n', 1),
    ('"""""\nimport a\n"""\nimport b\n', 1),
    ('x = ""\ny = """"quoted\nimport a\n"""\nimport b\n', 1),
    ('f"""\n{x}\nimport a\n"""\nimport b\n', 1),
    ("x = f'{a[\"k\"]}'\nimport b\n", 1),
    ("if TYPE_CHECKING:\n    import a\nelse:\n    import b\n", 2),
    ("if typing.TYPE_CHECKING:  # why\n    import a\nelif x:\n    import b\n", 2),
    ("if not TYPE_CHECKING:\n    import a\nif not t.TYPE_CHECKING:\n    import b\n", 2),
    ("if x:\n    pass\nelif TYPE_CHECKING:\n    import a\nelse:\n    import b\n", 2),
    ("class A:\n    if TYPE_CHECKING:\n        import a\n\n    def f(self):\n        import b\n", 2),
    ("try:\n    import a\nexcept (A, B):\n    import b\nelse:\n    import c\nfinally:\n    import d\n", 4),
    ("try: import a\nexcept ImportError: import b\n", 2),
    ("def f(): import a\n", 1),
    ("for x in y:\n    import a\nelse:\n    import b\nwhile z:\n    import c\n", 3),
    ("with a:\n    import b\nasync def f():\n    async with c:\n        import d\n", 2),
    ("match x:\n    case 1:\n        import a\n    case _:\n        import b\n", 2),
    ("match = 1\ncase = 2\ndef f():\n    match = 3\n    import a\n", 1),
    ("def f(\n    a,\n    b,\n) -> None:\n    import c\n", 1),
    ("def f(a,\n      b):\n    import c\n", 1),
    ("if (a and\n        b):\n    import c\n", 1),
    ("@decorated(\n    x,\n)\nclass A(\n    B,\n):\n    import c\n", 1),
    ('def f():\n    """\nnot indented\n    """\n    import a\n', 1),
    ("def f():\n# a comment to the left\n    import a\n", 1),
    ("def f():\n    x = {\n1: 2}\n    import a\n".replace("\n1", "\n        1"), 1),
    ("def f():\n    if a:\n        pass\n    else:\n        if b:\n            import c\n", 1),
    ("import_module('a.b')\nimportlib.import_module(\"c\")\n__import__('d')\npytest.importorskip('e', '1')\n", 4),
    ("x = import_module(\n    '.a',\n    __package__,\n)\n", 1),
    ("import_module('a' + b)\nimport_module('a-b')\nimport_module(f'{a}')\nimport_module(a)\n", 0),
    ("import_module('a %s' % b)\n__import__('a.%s' % b).c\n", 0),
    ("def import_module(name): ...\nmy_import_module('a')\n", 0),
    ("print('import a')\nprint('x; import b')\n", 0),
    ("'use __import__(\"a\")'\n", 0),
    ("import caf\u00e9\nfrom \u00fcber import \u00f1\n", 2),
    ("# -*- coding: utf-8 -*-\nimport a\n", 1),
    ("print 'python 2'\nimport a\nexec 'import b'\n", 1),
    ("try:\n    import a\nexcept A, e:\n    import b\n", 2),
    ('t"""\nimport a\n"""\nimport b\n', 1),
    ("def f():\n\n\n    # c\n\n    import a\n", 1),
    ("if x: pass; import a\n", 1),
]

UNSURE = [
    "from a \\\n    .b import c\n",
    "x = 'abc\\\nimport a'\n",
    "def f():\n\timport a\n        import b\n",
    "import a\rimport b\r",
    "# coding: latin-1\nimport caf\xe9\n",
    "def f():\n    if x:\n    \timport a\n",
    '"""\nimport a\n',
    "x = f'{import_module(\"a\")}'\n",
    "import a \x0c\n",
    "\x0cimport a\n",
    "from a import b if c else d\n",
    "x = '\\\nimport y; import a'\n",
    "import a..b\n",
    "(a\n ).import_module('x')\n",
    "if x:\n    f(a,\n  b)\n    import c\n",
    'def f(x="""\n"""):\n    import a\n',
]


@pytest.mark.parametrize(("text", "count"), CERTAIN, ids=range(len(CERTAIN)))
def test_plain_text_is_read_with_certainty(text: str, count: int) -> None:
    """Text that people write is read without a parser, and as the parser reads it: names, kinds and lines."""
    broken = "python 2" in text or "except A, e" in text

    found = scanned("python", text.encode()) if broken else None

    assert len(found.imports if found is not None else certain("python", text.encode())) == count


@pytest.mark.parametrize("text", UNSURE, ids=range(len(UNSURE)))
def test_misleading_text_is_left_to_the_grammar_or_read_alike(text: str) -> None:
    """Where lines alone do not tell, the scan says so, or says what the grammar says."""
    assert agree("python", text.encode())


@pytest.mark.parametrize(
    "source",
    [
        "import a\n".encode("utf-16"),
        "import a\n".encode("utf-32"),
        b"import a\n\0",
        b"import a\rimport b\r",
        b"# coding: shift_jis\nx = '\x83\x5c'\nimport a\n",
        b"import caf\xe9\n",
    ],
)
def test_text_that_must_be_decoded_first_is_left_to_the_grammar(source: bytes) -> None:
    """What is not UTF-8 with plain line ends is not scanned."""
    assert scanned("python", source) is None


def test_byte_order_mark_is_no_part_of_the_text() -> None:
    """A mark of UTF-8 moves nothing."""
    assert [one.line for one in certain("python", codecs.BOM_UTF8 + b"\nimport a\n")] == [2]


def test_nested_lines_without_end_are_left_to_the_grammar() -> None:
    """A file with too many lines to look through is not looked through."""
    body = "".join(f"    x{number} = 1\n" for number in range(30_000))

    assert scanned("python", f"def f():\n{body}    import a\n".encode()) is None


SIMPLE = ("import a", "from .b import c, d", "import e.f as g; import h", "x = 1", "import_module('i')", "# import j")
TEXTS = (
    '"""\nimport k\n"""',
    "s = 'import l'",
    's = "a" + """\nfrom m import n\n""" # """',
    "t = f'{x}' '''\nimport o'''",
    "from p import (\n    q,  # (\n    r,\n)",
    "u = [\n    1,\n]",
    'v = \'"""\'',
    'w = r"""\\\\"""',
    "from s import \\\n    t",
)
HEADS = (
    "if x:",
    "if TYPE_CHECKING:",
    "def f(\n{0}    a,\n{0}):",
    "async def g():",
    "class A(B):",
    "for i in j:",
    "while k:",
    "with l as m:",
    "try:\n{0}    pass\n{0}except E:",
    "try:\n{0}    import tried\n{0}finally:",
    "if y:\n{0}    pass\n{0}elif z.TYPE_CHECKING:",
    "if TYPE_CHECKING:\n{0}    pass\n{0}else:",
    "match n:\n{0}    case 1:\n{0}        import matched\n{0}if o:",
    "@d\n{0}def h(self): # :",
)
LEAVES = st.sampled_from((*SIMPLE, *TEXTS, ""))
BLOCKS = st.recursive(
    LEAVES, lambda inner: st.tuples(st.sampled_from(HEADS), st.lists(inner, min_size=1, max_size=4)), max_leaves=12
)


def written(block: object, indent: str = "") -> str:
    if isinstance(block, str):
        return f"{indent}{block}\n" if block else "\n"
    assert isinstance(block, tuple)
    head, body = block
    inner = "".join(written(one, f"{indent}    ") for one in body)
    return f"{indent}{head.replace('{0}', indent)}\n{inner}{indent}    pass\n"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(BLOCKS, max_size=6), st.sampled_from(["\n", "\r\n"]))
def test_any_nesting_is_read_as_the_grammar_reads_it(blocks: list[object], end: str) -> None:
    """However statements, texts and blocks are nested, the scan is silent or right."""
    source = "".join(written(block) for block in blocks).replace("\n", end).encode()

    assert agree("python", source)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from((*SIMPLE, *TEXTS)), max_size=10))
def test_plain_lines_leave_no_doubt(lines: list[str]) -> None:
    """Statements at the left edge, among texts and comments of every kind, are read without a parser."""
    certain("python", "".join(f"{line}\n" for line in lines).encode())


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(['"""', "'''", '"', "'", "#", "\\", "\n", "import a\n", "x", " ", "f", "(", ")", ";"])))
def test_no_soup_of_quotes_misleads_the_scan(parts: list[str]) -> None:
    """Quotes, comments and line ends in any order never make the scan say what the grammar does not."""
    assert agree("python", "".join(parts).encode())


DOUBTFUL = [
    # Indented from its first line on, as a notebook's cell may be.
    "    pass\n    import q\nif TYPE_CHECKING:\n",
    "import (a)\n",
    "import a.\n",
    "import .a\n",
    "import a,\n",
    "import *\n",
    "import if\n",
    "import 1a\n",
    "import a as b.c\n",
    "from a import ()\n",
    "from a import (,)\n",
    "from a import *, b\n",
    "from a import (b,,c)\n",
    "from a import class\n",
    "from if import a\n",
    "def import_module('a'): pass\n",
    "class \\\n  import_module('a'): pass\n",
    "*import_module('a')\n",
    "# a \\\nimport b\n",
    "# a; \\\nfrom \\\n  b import c\n",
    "\\\nimport a\n",
    "a = 1\n\ufeffimport b\n",
    "a = 1;\u200bimport b\n",
]


@pytest.mark.parametrize("text", DOUBTFUL, ids=range(len(DOUBTFUL)))
def test_what_is_no_plain_import_is_left_to_the_grammar(text: str) -> None:
    """A clause that Python does not have, a definition, a line joined to none or a hidden blank leaves doubt."""
    assert scanned("python", text.encode()) is None


def test_only_a_statement_of_many_joined_lines_is_left_to_the_grammar() -> None:
    """Backslashes may join as many lines as people write, and no more."""
    assert len(certain("python", b"import " + b"a, \\\n" * 150 + b"a\n")) == 151
    assert scanned("python", b"x; import a; \\\n" * 300) is None


@pytest.mark.parametrize(
    "shape",
    [
        lambda n: b"x import " * n,
        lambda n: b"import a " * n + b"!",
        lambda n: b"x; import a;" * n,
        lambda n: b'x = "' + b"import a; " * n + b'"',
        lambda n: b"# import a " * n,
        lambda n: b'import_module("a");' * n,
        lambda n: b"a" * n * 5 + b'(import_module("a"))',
        lambda n: b"x import a\\\n" * n,
        lambda n: b'""" """ \\\n' * n + b"import a",
        lambda n: b"x;import a;\\\n" * n,
        lambda n: b'"";import a;' * n,
        lambda n: b'""" """ ' * n + b"\nimport a",
        lambda n: b"'\\" * n + b"\nimport a",
        lambda n: b"if a:\n  import a\n" + b"elif b:\n  import a\n" * n,
    ],
    ids=[
        "words",
        "names",
        "behind",
        "string",
        "comments",
        "calls",
        "word",
        "joined",
        "texts",
        "joined imports",
        "behind texts",
        "quotes",
        "escapes",
        "elif",
    ],
)
def test_the_cost_of_a_text_grows_as_the_text_does(shape: Callable[[int], bytes]) -> None:
    """No shape of a text, however long its lines, takes the scan the square of its length."""
    assert_linear(lambda times: scanned("python", shape(times)), 5000)


def test_any_depth_of_blocks_is_read_or_left_to_the_grammar() -> None:
    """Blocks that are nested by the thousand end no scan."""
    lines = [b" " * depth + b"if a:\n" for depth in range(1200)]

    assert agree("python", b"".join(lines) + b" " * 1200 + b"import a\n")
