"""Run one program in limits and in a process group that dies with its parent.

Started as ``python -I -S guard.py PARENT FILE_BYTES CPU_SECONDS MEMORY_BYTES PROGRAM …`` at the head of a new session;
it imports nothing of Pharos, so that it is there in 20 ms. It outlives no parent: not a killed one either, whose
``finally`` never ran. Asking for the parent's id twice a second is used rather than ``PR_SET_PDEATHSIG``, which is
Linux only, follows the *thread* that forked, and is not inherited by git's own children.
"""

from __future__ import annotations

import os
import signal
import sys

if sys.platform != "win32":
    import resource

    _POLL = 0.5
    _WAKES = {signal.SIGCHLD, signal.SIGALRM, signal.SIGTERM, signal.SIGINT, signal.SIGHUP}
    #: All that git sees of the worker's environment, which holds secrets and can redirect git (proxies, ``GIT_*``).
    _KEPT = frozenset(
        {
            "PATH",
            "HOME",
            "TMPDIR",
            "LANGUAGE",
            "LC_ALL",
            "SSL_CERT_FILE",
            "SSL_CERT_DIR",
            "GIT_SSL_CAINFO",
            "GIT_DIR",
            "GIT_ALLOW_PROTOCOL",
            "GIT_CONFIG_NOSYSTEM",
            "GIT_CONFIG_GLOBAL",
            "GIT_CONFIG_COUNT",
            "GIT_CONFIG_KEY_0",
            "GIT_CONFIG_VALUE_0",
            "GIT_TERMINAL_PROMPT",
            "GIT_ASKPASS",
            "GIT_SSH_COMMAND",
            "GIT_LFS_SKIP_SMUDGE",
            "GIT_NO_LAZY_FETCH",
            "GIT_NO_REPLACE_OBJECTS",
        }
    )

    def main(command: list[str], parent: int, file_bytes: int, cpu_seconds: int, memory_bytes: int) -> int:
        """Run ``command`` and return its exit code, or 128 and the number of the signal that ended it."""
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, file_bytes)
        _limit(resource.RLIMIT_CPU, cpu_seconds)
        if sys.platform == "linux":  # macOS knows the limit and refuses to set it
            _limit(resource.RLIMIT_AS, memory_bytes)
        signal.signal(signal.SIGCHLD, lambda *_: None)  # BSD and macOS drop what nobody handles, though blocked
        signal.pthread_sigmask(signal.SIG_BLOCK, _WAKES)
        signal.setitimer(signal.ITIMER_REAL, _POLL, _POLL)
        environment = {name: value for name, value in os.environ.items() if name in _KEPT}
        # SIGXFSZ stays ignored: git then says "File too large" where it would die without a word.
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        child = os.posix_spawnp(command[0], command, environment, setsigmask=(), setsigdef=(signal.SIGPIPE,))
        while os.getppid() == parent:
            if signal.sigwait(_WAKES) not in {signal.SIGCHLD, signal.SIGALRM}:
                break
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return _code(os.waitstatus_to_exitcode(status))
        os.killpg(0, signal.SIGKILL)
        return 1

    def _limit(kind: int, wanted: int) -> None:
        soft, hard = resource.getrlimit(kind)
        known = [limit for limit in (soft, hard, wanted) if limit != resource.RLIM_INFINITY]
        resource.setrlimit(kind, (min(known), hard))

    def _code(exit_code: int) -> int:
        return 128 - exit_code if exit_code < 0 else exit_code

    if __name__ == "__main__":
        sys.exit(main(sys.argv[5:], *map(int, sys.argv[1:5])))
