"""Python: the import system's own rules over the roots that a repository declares."""

from edge_worker.source.language import Language
from edge_worker.source.languages.python.resolver import PythonResolver
from edge_worker.source.languages.python.syntax import DIALECT

LANGUAGES = (Language(name="python", suffixes=(".py", ".pyi"), version=1, resolver=PythonResolver, dialect=DIALECT),)
