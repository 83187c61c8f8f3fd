"""The headers that a compiler, its C library or POSIX brings: a project's own of that name is found by a flag alone."""

from __future__ import annotations

_C = """
    assert complex ctype errno fenv float inttypes iso646 limits locale math setjmp signal stdalign stdarg stdatomic
    stdbit stdbool stdckdint stddef stdint stdio stdlib stdnoreturn string tgmath threads time uchar wchar wctype
"""
_POSIX = """
    aio alloca arpa/inet byteswap cpio dirent dlfcn elf endian err execinfo fcntl fmtmsg fnmatch ftw getopt glob grp
    iconv ifaddrs langinfo libgen link malloc memory monetary mqueue ndbm net/if netdb netinet/in netinet/tcp nl_types
    paths poll pthread pty pwd regex resolv sched search semaphore spawn strings stropts sys/epoll sys/eventfd
    sys/file sys/inotify sys/ioctl sys/ipc sys/mman sys/mount sys/msg sys/param sys/prctl sys/random sys/resource
    sys/select sys/sem sys/sendfile sys/shm sys/socket sys/stat sys/statfs sys/statvfs sys/syscall sys/sysctl
    sys/sysinfo sys/time sys/times sys/timerfd sys/types sys/uio sys/un sys/utsname sys/vfs sys/wait syslog tar
    termios trace ucontext ulimit unistd utime utmpx values wordexp xlocale
    conio crtdbg direct float intrin io process share tchar windows winsock2 ws2tcpip windef winbase winerror
    emmintrin immintrin nmmintrin pmmintrin smmintrin tmmintrin wmmintrin xmmintrin arm_neon cpuid x86intrin
"""
_CPP = """
    algorithm any array atomic barrier bit bitset cassert cctype cerrno cfenv cfloat charconv chrono cinttypes climits
    clocale cmath codecvt compare complex concepts condition_variable coroutine csetjmp csignal cstdarg cstdbool
    cstddef cstdint cstdio cstdlib cstring ctime cuchar cwchar cwctype deque exception execution expected filesystem
    flat_map flat_set format forward_list fstream functional future generator initializer_list iomanip ios iosfwd
    iostream istream iterator latch limits list locale map mdspan memory memory_resource mutex new numbers numeric
    optional ostream print queue random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location
    span spanstream sstream stack stacktrace stdexcept stdfloat stop_token streambuf string string_view strstream
    syncstream system_error thread tuple type_traits typeindex typeinfo unordered_map unordered_set utility valarray
    variant vector version
"""
STANDARD = frozenset(f"{name}.h" for name in (_C + _POSIX).split()) | frozenset(_CPP.split())
