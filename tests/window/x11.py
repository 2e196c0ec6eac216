# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a window manager would do, give the window a place, a size and the keyboard; and what a keyboard does."""

import ctypes
import ctypes.util


class Attributes(ctypes.Structure):
    """XWindowAttributes of X11/Xlib.h"""
    _fields_ = [(name, ctypes.c_int) for name in ("x", "y", "width", "height", "border_width", "depth")] + [
        ("visual", ctypes.c_void_p), ("root", ctypes.c_ulong), ("window_class", ctypes.c_int),
        ("bit_gravity", ctypes.c_int), ("win_gravity", ctypes.c_int), ("backing_store", ctypes.c_int),
        ("backing_planes", ctypes.c_ulong), ("backing_pixel", ctypes.c_ulong), ("save_under", ctypes.c_int),
        ("colormap", ctypes.c_ulong), ("map_installed", ctypes.c_int), ("map_state", ctypes.c_int),
        ("all_event_masks", ctypes.c_long), ("your_event_mask", ctypes.c_long), ("no_propagate_mask", ctypes.c_long),
        ("override_redirect", ctypes.c_int), ("screen", ctypes.c_void_p)]


VIEWABLE = 2  # of map_state


class Display:
    def __init__(self, name):
        self.x11 = ctypes.CDLL("libX11.so.6")
        self.x11.XOpenDisplay.restype = ctypes.c_void_p
        self.x11.XDefaultRootWindow.restype = ctypes.c_ulong
        self.display = ctypes.c_void_p(self.x11.XOpenDisplay(name.encode()))
        if not self.display.value:
            raise RuntimeError("no X display " + name)
        self.xtest = ctypes.CDLL(ctypes.util.find_library("Xtst") or "libXtst.so.6")
        self.x11.XStringToKeysym.restype = ctypes.c_ulong

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

    def _attributes(self, window):
        attributes = Attributes()
        self.x11.XGetWindowAttributes(self.display, ctypes.c_ulong(window), ctypes.byref(attributes))
        return attributes

    def _managed(self):
        """What a window manager would have in its care, not menus and hints: the topmost last."""
        shown = [(window, self._attributes(window)) for window in self._children()]
        return [(window, one) for window, one in shown if one.map_state == VIEWABLE and not one.override_redirect]

    def _largest(self):
        return max(self._managed(), key=lambda one: one[1].width * one[1].height)[0]

    def fill(self, width, height):
        """Makes the largest window fill this area from the corner on."""
        self.x11.XMoveResizeWindow(self.display, ctypes.c_ulong(self._largest()), 0, 0, width, height)
        self.x11.XSync(self.display, 0)

    def center_dialog(self, width, height):
        """What is over the largest window comes into the middle of this area, and is not larger."""
        top, place = self._managed()[-1]
        if top == self._largest():
            return
        wide, high = min(place.width, width), min(place.height, height)
        self.x11.XMoveResizeWindow(self.display, ctypes.c_ulong(top), (width - wide) // 2, (height - high) // 2, wide, high)
        self.x11.XSync(self.display, 0)

    def hide_pointer(self):
        xfixes = ctypes.CDLL("libXfixes.so.3")
        xfixes.XFixesHideCursor(self.display, ctypes.c_ulong(self.x11.XDefaultRootWindow(self.display)))
        self.x11.XSync(self.display, 0)

    def give_keyboard(self):
        """What is typed goes to the topmost window: a dialog, where there is one."""
        top = self._managed()[-1][0]
        self.x11.XSetInputFocus(self.display, ctypes.c_ulong(top), 2, 0)  # RevertToParent, CurrentTime
        self.x11.XSync(self.display, 0)

    def press(self, *keys):
        """Keys by their X names, held together: press("Alt_L", "2")."""
        codes = [self.x11.XKeysymToKeycode(self.display, ctypes.c_ulong(self.x11.XStringToKeysym(key.encode())))
                 for key in keys]
        for code in codes:
            self.xtest.XTestFakeKeyEvent(self.display, code, 1, ctypes.c_ulong(0))
        for code in reversed(codes):
            self.xtest.XTestFakeKeyEvent(self.display, code, 0, ctypes.c_ulong(0))
        self.x11.XSync(self.display, 0)

    def click(self, x, y, button=1, times=1):
        """At a place of the screen; a turn of the mouse's wheel is a button, too."""
        self.xtest.XTestFakeMotionEvent(self.display, -1, x, y, ctypes.c_ulong(0))
        for _ in range(times):
            for is_press in (1, 0):
                self.xtest.XTestFakeButtonEvent(self.display, button, is_press, ctypes.c_ulong(0))
        self.x11.XSync(self.display, 0)
