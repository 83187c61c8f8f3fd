"""How what a Java file asks for is spelled in its statements."""

from __future__ import annotations

#: ``package a.b;``, in front of the package: what is used of it needs no import. Also among what a file declares.
PACKAGE = "package "
#: ``requires a.b;`` of a module-info.java, and ``import module a.b;``. Also among what a file declares.
MODULE = "module "
#: The first name of ``import a.b.*;``; the simple names that the file uses follow.
ALL = "*"
