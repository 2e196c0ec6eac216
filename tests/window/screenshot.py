# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is on Xvfb's screen, as PNG."""

import struct

import gi

gi.require_version("GdkPixbuf", "2.0")
from gi.repository import GdkPixbuf, GLib  # noqa: E402


def save_screen(dump_path, path):
    with open(dump_path, "rb") as file:
        dump = file.read()
    # XWDFileHeader of X11/XWDFile.h: big endian
    header = struct.unpack(">25I", dump[:100])
    begin, width, height, line, colors = header[0], header[4], header[5], header[12], header[19]
    pixels = dump[begin + colors * 12:]
    rows = bytearray()
    for y in range(height):
        row = pixels[y * line:y * line + width * 4]
        out = bytearray(width * 3)
        out[0::3], out[1::3], out[2::3] = row[2::4], row[1::4], row[0::4]
        rows += out
    picture = GdkPixbuf.Pixbuf.new_from_bytes(GLib.Bytes.new(bytes(rows)), GdkPixbuf.Colorspace.RGB, False, 8, width,
                                              height, width * 3)
    picture.savev(path, "png", ["compression"], ["9"])
