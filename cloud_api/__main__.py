"""``python -m cloud_api``: run the control plane until it is asked to stop."""

from __future__ import annotations

import gc
import sys


def main() -> int:
    """Return the exit code: 0 stopped on request, 1 it could not listen, 78 a setting is wrong."""
    # Nothing that is loaded now is garbage, and to look for it again and again is a fifth of a wake.
    gc.disable()
    from cloud_api.serve import serve

    return serve()


if __name__ == "__main__":
    sys.exit(main())
