"""Runs a program as the systemd unit UNIT would confine it, where no systemd runs.

    confine.py UNIT WRITABLE PROGRAM [ARGUMENT...]

What is read from the unit: the filter of system calls, by the same lists and the same library that systemd uses.
What is always so: no rights, none to be had, a user of no consequence in a user namespace of its own, every folder
read-only but WRITABLE, no HOME, and a working directory that says nothing. Must be started by root.
"""

import ctypes
import os
import subprocess
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_CAPBSET_DROP = 38, 24
NOBODY = 65534


def must(what, outcome):
    if outcome < 0:
        sys.exit(f"confine: {what}: {os.strerror(ctypes.get_errno() or -outcome)}")


def mount(source, target, flags):
    outcome = libc.mount(source.encode(), target.encode(), None, ctypes.c_ulong(flags), None)
    must(f"mount {target}", outcome)


def read_only_but(writable):
    must("unshare", libc.unshare(CLONE_NEWNS))
    mount("none", "/", MS_REC | MS_PRIVATE)
    mount(writable, writable, MS_BIND)
    with open("/proc/self/mountinfo") as table:
        points = [line.split()[4].encode().decode("unicode_escape") for line in table]
    for point in points:
        # /dev, /proc and /sys are the kernel's, and no place to keep anything.
        if point == writable or point.startswith(("/dev", "/proc", "/sys")):
            continue
        mount("none", point, MS_REMOUNT | MS_BIND | MS_RDONLY)


def become_nobody(writable):
    for folder, _, files in os.walk(writable):
        for path in [folder] + [os.path.join(folder, name) for name in files]:
            os.chown(path, NOBODY, NOBODY, follow_symlinks=False)
    for capability in range(64):
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)
    # The kernel takes the rights over one's own /proc with the user.
    libc.prctl(4, 1, 0, 0, 0)
    if libc.unshare(CLONE_NEWUSER) == 0:
        for file, text in [("setgroups", "deny"), ("uid_map", f"{NOBODY} {NOBODY} 1"), ("gid_map", f"{NOBODY} {NOBODY} 1")]:
            with open(f"/proc/self/{file}", "w") as map:
                map.write(text)
    else:
        print("confine: no user namespace here", file=sys.stderr)


def expanded(names):
    for name in names:
        if not name.startswith("@"):
            yield name
            continue
        shown = subprocess.run(["systemd-analyze", "syscall-filter", name], capture_output=True, text=True, check=True)
        lines = [line.strip() for line in shown.stdout.splitlines() if line.startswith("    ")]
        yield from expanded([line for line in lines if not line.startswith("#")])


def allowed(unit):
    """The calls that are left, as systemd reckons them: the first line says what the list is of."""
    calls = set()
    with open(unit) as text:
        lines = [line.strip().split("=", 1)[1] for line in text if line.startswith("SystemCallFilter=")]
    if not lines or lines[0].startswith("~"):
        sys.exit("confine: the unit has no list of calls that are allowed")
    for line in lines:
        if line.startswith("~"):
            calls -= set(expanded(line[1:].split()))
        else:
            calls |= set(expanded(line.split()))
    return calls


def filter_calls(calls):
    seccomp = ctypes.CDLL("libseccomp.so.2")
    seccomp.seccomp_init.restype = ctypes.c_void_p
    allow, refuse = 0x7FFF0000, 0x00050000 | 1
    context = ctypes.c_void_p(seccomp.seccomp_init(ctypes.c_uint32(refuse)))
    for name in sorted(calls):
        number = seccomp.seccomp_syscall_resolve_name(name.encode())
        if number != -1:
            seccomp.seccomp_rule_add(context, ctypes.c_uint32(allow), ctypes.c_int(number), ctypes.c_uint(0))
    must("seccomp", seccomp.seccomp_load(context))


unit, writable, program = sys.argv[1], os.path.realpath(sys.argv[2]), sys.argv[3:]
calls = allowed(unit)
read_only_but(writable)
become_nobody(writable)
must("no new rights", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
os.environ.pop("HOME", None)
os.chdir("/")
filter_calls(calls)
os.execv(program[0], program)
