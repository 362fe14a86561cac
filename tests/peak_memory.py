"""Peak memory of a child process, as source that runs there.

On Linux its `ru_maxrss` would start from its parent's peak, which exec keeps: a suite that once held much
memory would hide every growth.
"""

from __future__ import annotations

PEAK_KIB = """
def peak_kib():
    import resource, sys
    if sys.platform == "linux":
        with open("/proc/self/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
"""
