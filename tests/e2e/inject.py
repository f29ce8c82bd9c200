# SPDX-License-Identifier: Apache-2.0
"""Makes another process do a system call: what somebody who has taken it over could do. By ptrace(2), as root, on x86-64."""
import contextlib
import ctypes
import os
import signal
import time

SYSCALLS = {"openat": 257, "execve": 59, "ptrace": 101, "getpid": 39, "socket": 41, "kill": 62, "connect": 42,
            "sendto": 44}
ATTACH, DETACH, GETREGS, SETREGS, SINGLESTEP = 16, 17, 12, 13, 9
REGISTERS = ("r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base gs_base ds es fs gs").split()
ARGUMENTS = ("rdi", "rsi", "rdx", "r10", "r8", "r9")
SYSCALL = b"\x0f\x05"  # the instruction
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


def code_before(pid, address):
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        memory.seek(address - len(SYSCALL))
        return memory.read(len(SYSCALL))


def stop_in_system_call(pid):
    """Attached, and its registers. A loop mostly waits in one; now and then it is met at work, and let go on."""
    for _ in range(500):
        ptrace(ATTACH, pid)
        wait(pid)
        registers = Registers()
        ptrace(GETREGS, pid, ctypes.addressof(registers))
        if code_before(pid, registers.rip) == SYSCALL:
            return registers
        ptrace(DETACH, pid)
        time.sleep(0.003)
    raise AssertionError("it never waits in a system call")


@contextlib.contextmanager
def stopped(pid):
    """Its registers, while it waits inside a system call; they are put back."""
    registers = stop_in_system_call(pid)
    try:
        yield registers
    except Killed:
        raise
    except BaseException:
        ptrace(DETACH, pid)
        raise
    ptrace(SETREGS, pid, ctypes.addressof(registers))
    ptrace(DETACH, pid)


def system_call(pid, name, *arguments):
    """What it returns. Arguments are numbers or bytes, which are put below its stack. Raises Killed."""
    with stopped(pid) as before, open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        now = Registers.from_buffer_copy(before)
        now.rip, now.orig_rax, now.rax = before.rip - len(SYSCALL), NO_SYSCALL, SYSCALLS[name]
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
