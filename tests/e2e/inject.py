# SPDX-License-Identifier: Apache-2.0
"""Makes another process do a system call: what somebody who has taken it over could do. By ptrace(2), as root, on x86-64."""
import contextlib
import ctypes
import os
import signal

SYSCALLS = {"openat": 257, "execve": 59, "ptrace": 101, "getpid": 39, "socket": 41, "kill": 62, "connect": 42,
            "sendto": 44}
ATTACH, DETACH, GETREGS, SETREGS, SINGLESTEP = 16, 17, 12, 13, 9
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
NO_SYSCALL = 2**64 - 1  # in orig_rax: what the stop interrupted is not to be done again

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


class Registers(ctypes.Structure):
    _fields_ = [(name, ctypes.c_ulonglong) for name in REGISTERS]


class Killed(Exception):
    """The call ended the process, by this signal."""


def ptrace(request, pid, data=None):
    if libc.ptrace(request, pid, None, data) < 0:
        raise OSError(ctypes.get_errno(), f"ptrace request {request} of {pid}")


def wait(pid):
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        raise Killed(signal.Signals(os.WTERMSIG(status)).name)
    return status


@contextlib.contextmanager
def stopped(pid):
    """Its registers, while it waits inside a system call; they are put back."""
    ptrace(ATTACH, pid)
    wait(pid)
    registers = Registers()
    ptrace(GETREGS, pid, ctypes.addressof(registers))
    yield registers
    ptrace(SETREGS, pid, ctypes.addressof(registers))
    ptrace(DETACH, pid)


def system_call(pid, name, *arguments):
    """What it returns. Arguments are numbers or bytes, which are put below its stack. Raises Killed."""
    with stopped(pid) as before, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        memory.seek(before.rip - 2)
        assert memory.read(2) == b"\x0f\x05", "it does not wait in a system call"
        now = Registers.from_buffer_copy(before)
        now.rip, now.orig_rax, now.rax = before.rip - 2, NO_SYSCALL, SYSCALLS[name]
        room = before.rsp - 4096
        for register, argument in zip(ARGUMENTS, arguments):
            if isinstance(argument, bytes):
                memory.seek(room)
                memory.write(argument + b"\0")
                argument, room = room, room + len(argument) + 1
            setattr(now, register, argument % 2**64)
        ptrace(SETREGS, pid, ctypes.addressof(now))
        ptrace(SINGLESTEP, pid)
        wait(pid)
        ptrace(GETREGS, pid, ctypes.addressof(now))
        return ctypes.c_longlong(now.rax).value
