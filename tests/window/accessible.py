# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a program tells screen readers, over the bus that is for them. All that is on one level of the tree is asked for
at once, so that a window of hundreds of things is read in a moment."""

import gi

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, Gio, GLib  # noqa: E402

ROOT = "/org/a11y/atspi/accessible/root"
ACCESSIBLE = "org.a11y.atspi.Accessible"
ACTION = "org.a11y.atspi.Action"
PROPERTIES = "org.freedesktop.DBus.Properties"
IN_WINDOW = 1  # of the kinds of coordinates
LABELLED_BY = 2  # of the kinds of relations
AT_MOST_MS = 20000


class Node:
    """One thing on the screen, as it was when it was asked for."""

    def __init__(self, bus, owner, path):
        self.bus, self.owner, self.path = bus, owner, path
        self.name, self.role, self.states, self.children = "", "", 0, []

    def has(self, *states):
        """Whether it has all of these, by their names in Atspi.StateType."""
        return all(self.states >> int(getattr(Atspi.StateType, name)) & 1 for name in states)

    def walk(self):
        yield self
        for child in self.children:
            yield from child.walk()

    def actions(self):
        return self._property(ACTION, "NActions")

    def press(self):
        """Does what a click does, and returns whether it can be done at all."""
        return self.actions() > 0 and self.bus.call(self.owner, self.path, ACTION, "DoAction",
                                                    GLib.Variant("(i)", (0,)))[0]

    def label(self):
        """What labels it: GTK 4.18 says that of the items of menus in place of a name. Nothing where it has just gone"""
        try:
            for kind, targets in self.bus.call(self.owner, self.path, ACCESSIBLE, "GetRelationSet")[0]:
                if kind == LABELLED_BY:
                    return self.bus.call(*targets[0], "org.a11y.atspi.Text", "GetText", GLib.Variant("(ii)", (0, -1)))[0]
        except GLib.Error:
            pass
        return ""

    def place(self):
        """In the window: x, y, width, height."""
        return self.bus.call(self.owner, self.path, "org.a11y.atspi.Component", "GetExtents",
                             GLib.Variant("(u)", (IN_WINDOW,)))[0]

    def set_value(self, value):
        self.bus.call(self.owner, self.path, PROPERTIES, "Set", GLib.Variant(
            "(ssv)", ("org.a11y.atspi.Value", "CurrentValue", GLib.Variant("d", value))))

    def _property(self, interface, name):
        return self.bus.call(self.owner, self.path, PROPERTIES, "Get", GLib.Variant("(ss)", (interface, name)))[0]


class AccessibilityBus:
    def __init__(self, session):
        """session: the connection to the session's bus"""
        address = session.call_sync("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus", "GetAddress", None, None,
                                    Gio.DBusCallFlags.NONE, AT_MOST_MS, None)[0]
        self.connection = Gio.DBusConnection.new_for_address_sync(
            address, Gio.DBusConnectionFlags.AUTHENTICATION_CLIENT | Gio.DBusConnectionFlags.MESSAGE_BUS_CONNECTION,
            None, None)
        # Programs send their events only when somebody wants them.
        self.call("org.a11y.atspi.Registry", "/org/a11y/atspi/registry", "org.a11y.atspi.Registry", "RegisterEvent",
                  GLib.Variant("(s)", ("object:",)))

    def call(self, owner, path, interface, method, arguments=None):
        return self.connection.call_sync(owner, path, interface, method, arguments, None, Gio.DBusCallFlags.NONE,
                                         AT_MOST_MS, None)

    def application(self, pid):
        """What a process has on the screen, or nothing"""
        for owner, path in self.call("org.a11y.atspi.Registry", ROOT, ACCESSIBLE, "GetChildren")[0]:
            if self.call("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                         "GetConnectionUnixProcessID", GLib.Variant("(s)", (owner,)))[0] == pid:
                return self.read(Node(self, owner, path))
        return None

    def read(self, root):
        """Returns root with all below it that is shown."""
        level = [root]
        while level:
            answers = iter(self._ask(level))
            below = []
            for node in level:
                name, role, states, children = (next(answers) for _ in range(4))
                if None in (name, role, states, children):  # it has just gone
                    continue
                low, high = states[0]
                node.name, node.states = name[0], low | high << 32
                node.role = Atspi.role_get_name(Atspi.Role(role[0]))
                if node is root or node.has("VISIBLE"):
                    node.children = [Node(self, *child) for child in children[0]]
                below += node.children
            level = below
        self._drop_hidden(root)
        for node in root.walk():
            if not node.name and "menu item" in node.role:
                node.name = node.label()
        return root

    def _drop_hidden(self, node):
        node.children = [child for child in node.children if child.has("VISIBLE")]
        for child in node.children:
            self._drop_hidden(child)

    def _ask(self, nodes):
        """Returns four answers for each; none where there was none."""
        questions = [(node, *question) for node in nodes for question in (
            (PROPERTIES, "Get", GLib.Variant("(ss)", (ACCESSIBLE, "Name"))), (ACCESSIBLE, "GetRole", None),
            (ACCESSIBLE, "GetState", None), (ACCESSIBLE, "GetChildren", None))]
        answers = [None] * len(questions)
        missing = len(questions)

        def answered(connection, result, number):
            nonlocal missing
            missing -= 1
            try:
                answers[number] = connection.call_finish(result)
            except GLib.Error:
                pass
        context = GLib.MainContext.new()
        context.push_thread_default()
        try:
            for number, (node, interface, method, arguments) in enumerate(questions):
                self.connection.call(node.owner, node.path, interface, method, arguments, None,
                                     Gio.DBusCallFlags.NONE, AT_MOST_MS, None, answered, number)
            while missing:
                context.iteration(True)
        finally:
            context.pop_thread_default()
        return answers
