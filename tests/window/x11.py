# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a window manager would do: give the window a place and a size."""

import ctypes


class Display:
    def __init__(self, name):
        self.x11 = ctypes.CDLL("libX11.so.6")
        self.x11.XOpenDisplay.restype = ctypes.c_void_p
        self.x11.XDefaultRootWindow.restype = ctypes.c_ulong
        self.display = ctypes.c_void_p(self.x11.XOpenDisplay(name.encode()))
        if not self.display.value:
            raise RuntimeError("no X display " + name)

    def _children(self):
        root = ctypes.c_ulong(self.x11.XDefaultRootWindow(self.display))
        unused = ctypes.c_ulong()
        children = ctypes.POINTER(ctypes.c_ulong)()
        number = ctypes.c_uint()
        self.x11.XQueryTree(self.display, root, ctypes.byref(unused), ctypes.byref(unused), ctypes.byref(children),
                            ctypes.byref(number))
        found = [children[i] for i in range(number.value)]
        if number.value:
            self.x11.XFree(children)
        return found

    def _size(self, window):
        root, x, y = ctypes.c_ulong(), ctypes.c_int(), ctypes.c_int()
        width, height, border, depth = (ctypes.c_uint() for _ in range(4))
        self.x11.XGetGeometry(self.display, ctypes.c_ulong(window), ctypes.byref(root), ctypes.byref(x), ctypes.byref(y),
                              ctypes.byref(width), ctypes.byref(height), ctypes.byref(border), ctypes.byref(depth))
        return width.value, height.value

    def fill(self, width, height):
        """Makes the largest window fill this area from the corner on."""
        largest = max(self._children(), key=lambda window: self._size(window)[0] * self._size(window)[1])
        self.x11.XMoveResizeWindow(self.display, ctypes.c_ulong(largest), 0, 0, width, height)
        self.x11.XSync(self.display, 0)
