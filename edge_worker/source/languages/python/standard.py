"""The names of the standard library, the same on every Python that a worker may run."""

from __future__ import annotations

import sys

# Python 3.11 to 3.14 dropped and added these; a graph must not depend on the version that built it.
_CHANGED = """
    aifc asynchat asyncore audioop cgi cgitb chunk crypt distutils imghdr imp lib2to3 mailcap msilib nis nntplib
    ossaudiodev pipes smtpd sndhdr spwd sunau telnetlib uu xdrlib annotationlib compression
"""
STANDARD = frozenset(sys.stdlib_module_names) | frozenset(_CHANGED.split())
