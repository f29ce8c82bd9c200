# SPDX-License-Identifier: Apache-2.0
"""A file system that answers no question: who asks it waits, and cannot even be killed."""
import ctypes
import os
import struct
import threading

FUSE_INIT = 26
DETACH, FORCE = 2, 1
libc = ctypes.CDLL(None, use_errno=True)


class HungFiles:
    """Mounted at `folder`; OSError where that is not allowed. Its end sets free who waits."""

    def __init__(self, folder):
        self.folder = str(folder).encode()
        self.asked = threading.Event()
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={self.device},rootmode=40000,user_id=0,group_id=0".encode()
        if libc.mount(b"hung", self.folder, b"fuse.hung", 0, options) != 0:
            os.close(self.device)
            raise OSError(ctypes.get_errno(), "cannot mount a file system")
        self.thread = threading.Thread(target=self._answer_nothing)
        self.thread.start()

    def _answer_nothing(self):
        try:
            while True:
                question = os.read(self.device, 1 << 20)
                _, kind, number = struct.unpack_from("<IIQ", question)
                if kind == FUSE_INIT:
                    answer = struct.pack("<IIIIHHIIHHI28x", 7, 31, 65536, 0, 12, 9, 65536, 1, 1, 0, 0)
                    os.write(self.device, struct.pack("<IiQ", 16 + len(answer), 0, number) + answer)
                else:
                    self.asked.set()
        except OSError:  # unmounted
            pass

    def close(self):
        if self.device is None:
            return
        libc.umount2(self.folder, FORCE)
        libc.umount2(self.folder, DETACH)
        self.thread.join()
        os.close(self.device)
        self.device = None
