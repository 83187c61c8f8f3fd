"""C, C++, Objective-C++ and CUDA: what the preprocessor includes, without a compiler and without a build."""

from edge_worker.source.language import Language
from edge_worker.source.parse.later import later

_RESOLVER = later(f"{__name__}.resolver", "IncludeResolver")
_SCAN = later(f"{__name__}.syntax", "scan")
_CPP = (".cc", ".cpp", ".cxx", ".c++", ".hh", ".hpp", ".hxx", ".h++", ".inl", ".ipp", ".tpp", ".txx", ".cppm", ".ixx")


def _language(name: str, *suffixes: str) -> Language:
    return Language(name=name, suffixes=suffixes, version=2, resolver=_RESOLVER, dialect=None, scan=_SCAN)


LANGUAGES = (
    # A header's name does not say which of the three it is, and the preprocessor is the same in all.
    _language("c", ".c", ".h"),
    _language("cpp", *_CPP),
    # ``.m`` is as often MATLAB's or Octave's, and a name alone cannot tell.
    _language("objective-c++", ".mm"),
    _language("cuda", ".cu", ".cuh"),
)
