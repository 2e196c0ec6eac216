#!/usr/bin/env -S gjs -m
// SPDX-License-Identifier: LGPL-2.1-or-later
// Does what the example of a GNOME Shell extension does, without the Shell.   quick_settings.js FOLDER [start|stop VM]
// Prints the VMs at each change and, asked to, starts or stops one as soon as it is there. Before, it checks that GNOME
// Shell could parse the extension: what is missing here must be the Shell, and no sense of the text.
import GLib from 'gi://GLib';
import System from 'system';

const [folder, verb, name] = ARGV;
let status = 1;
const loop = new GLib.MainLoop(null, false);

function end(with_status) {
    status = with_status;
    loop.quit();
}

async function check_extension() {
    try {
        await import(`file://${folder}/extension.js`);
    } catch (error) {
        if (!error.message.includes('resource:///org/gnome/shell/'))
            throw error;
        print('extension.js needs only the Shell');
    }
}

async function follow() {
    const {Vms} = await import(`file://${folder}/vms.js`);
    let asked = false;
    const vms = new Vms(async () => {
        const rows = vms.list.map(vm => `${vm.name} ${vm.phase} active=${vm.active} changing=${vm.changing}`);
        print(vms.known ? rows.join(', ') : 'virtsessiond does not run');
        const wanted = vms.list.find(vm => vm.name === name);
        if (asked || !wanted)
            return;
        asked = true;
        try {
            await vms.set(wanted.path, verb === 'start');
            print(`${verb}: done`);
        } catch (error) {
            print(`${verb}: ${error.message}`);
        }
        vms.destroy();
        end(0);
    });
}

check_extension().then(follow).catch(error => {
    printerr(`${error.name}: ${error.message}`);
    end(1);
});
loop.run();
System.exit(status);
