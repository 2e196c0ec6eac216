// SPDX-License-Identifier: LGPL-2.1-or-later
// The VMs as virtsessiond last said, and what can be asked of them. Nothing here blocks, and nothing starts
// virtsessiond. It imports nothing of GNOME Shell, so that gjs alone can run it.
import Gio from 'gi://Gio';
import GLib from 'gi://GLib';

const SERVICE = 'org.virtsession.Supervisor1';
const DOWN = ['shut-off', 'unknown', 'no-state'];
const CHANGING = ['queued', 'waiting', 'starting', 'stopping', 'saving'];
const PATIENCE_MS = 300000; // a start may take longer than the usual 25 s

export class Vms {
    #manager = null;
    #signals = [];
    #cancellable = new Gio.Cancellable();
    #pending = 0;
    #changed;

    /** @param {Function} changed called after each change, once for however many there are at a time */
    constructor(changed) {
        this.#changed = changed;
        Gio.DBusObjectManagerClient.new_for_bus(Gio.BusType.SESSION, Gio.DBusObjectManagerClientFlags.DO_NOT_AUTO_START,
            SERVICE, '/org/virtsession/Supervisor1', null, this.#cancellable, (_, result) => {
                try {
                    this.#manager = Gio.DBusObjectManagerClient.new_for_bus_finish(result);
                } catch (error) {
                    if (!error.matches(Gio.IOErrorEnum, Gio.IOErrorEnum.CANCELLED))
                        logError(error, 'virtsession');
                    return;
                }
                for (const signal of ['object-added', 'object-removed', 'interface-proxy-properties-changed',
                    'notify::name-owner'])
                    this.#signals.push(this.#manager.connect(signal, () => this.#plan()));
                this.#plan();
            });
    }

    /** Whether virtsessiond runs. */
    get known() {
        return Boolean(this.#manager?.name_owner);
    }

    /** By name: {path, name, phase, reason, active: it is not off, changing: it is on its way up or down}. */
    get list() {
        if (!this.known)
            return [];
        const vms = [];
        for (const object of this.#manager.get_objects()) {
            const vm = object.get_interface(`${SERVICE}.VM`);
            const text = name => vm.get_cached_property(name)?.unpack() ?? '';
            if (vm && text('Name'))
                vms.push({path: object.get_object_path(), name: text('Name'), phase: text('Phase'),
                    reason: text('PhaseReason'), active: !DOWN.includes(text('State')),
                    changing: CHANGING.includes(text('Phase'))});
        }
        return vms.sort((one, other) => one.name.localeCompare(other.name));
    }

    /** Starts a VM, or asks its guest to shut down. Rejects with what virtsessiond says. */
    async set(path, active) {
        const connection = this.#manager.connection;
        const method = active ? 'Start' : 'Shutdown';
        await new Promise((resolve, reject) => connection.call(this.#manager.name_owner, path, `${SERVICE}.VM`, method,
            new GLib.Variant('(a{sv})', [{}]), null, Gio.DBusCallFlags.NO_AUTO_START, PATIENCE_MS, this.#cancellable,
            (_, result) => {
                try {
                    resolve(connection.call_finish(result));
                } catch (error) {
                    Gio.DBusError.strip_remote_error(error);
                    if (this.#cancellable.is_cancelled())
                        resolve(); // nobody is there to hear it
                    else
                        reject(error);
                }
            }));
    }

    destroy() {
        this.#cancellable.cancel();
        if (this.#pending)
            GLib.source_remove(this.#pending);
        for (const signal of this.#signals)
            this.#manager.disconnect(signal);
        this.#signals = [];
        this.#manager = null;
        this.#pending = 0;
    }

    #plan() {
        this.#pending ||= GLib.idle_add(GLib.PRIORITY_DEFAULT_IDLE, () => {
            this.#pending = 0;
            this.#changed();
            return GLib.SOURCE_REMOVE;
        });
    }
}
