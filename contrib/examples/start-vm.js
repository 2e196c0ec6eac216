#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Starts a VM and shows its phases on the way.   start-vm.js VM
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';
import System from 'system';

const SERVICE = 'org.virtsession.Supervisor1';
const PATIENCE_MS = 300000; // a start may take longer than the usual 25 s

const proxy = (path, name) => Gio.DBusProxy.new_for_bus_sync(
    Gio.BusType.SESSION, Gio.DBusProxyFlags.NONE, null, SERVICE, path, `${SERVICE}.${name}`, null);

if (ARGV.length !== 1) {
    printerr('usage: start-vm.js VM');
    System.exit(64);
}
const loop = new GLib.MainLoop(null, false);
let status = 0;
try {
    const manager = proxy('/org/virtsession/Supervisor1', 'Manager');
    const [path] = manager.call_sync('GetVM', new GLib.Variant('(sa{sv})', [ARGV[0], {}]),
        Gio.DBusCallFlags.NONE, -1, null).deepUnpack();
    const vm = proxy(path, 'VM');
    vm.connect('g-properties-changed', (_, changed) => {
        const phase = changed.lookup_value('Phase', null);
        if (phase)
            print(`${phase.unpack()} (${vm.get_cached_property('PhaseReason').unpack()})`);
    });
    // Answered when the VM runs or has failed, and never before the properties say so.
    vm.call('Start', new GLib.Variant('(a{sv})', [{}]), Gio.DBusCallFlags.NONE, PATIENCE_MS, null, (_, result) => {
        try {
            vm.call_finish(result);
        } catch (error) {
            printerr(error.message);
            status = 1;
        }
        loop.quit();
    });
    loop.run();
} catch (error) {
    printerr(error.message);
    status = 1;
}
System.exit(status);
