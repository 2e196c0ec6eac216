// SPDX-License-Identifier: LGPL-2.1-or-later
// A tile in GNOME's quick settings: how many VMs run; its menu has a switch for each. Switching off asks the guest to
// shut down. To try it: copy the folder to ~/.local/share/gnome-shell/extensions, log in again, and
// gnome-extensions enable virtsession@virtsession.org
import GObject from 'gi://GObject';

import {Extension} from 'resource:///org/gnome/shell/extensions/extension.js';
import * as Main from 'resource:///org/gnome/shell/ui/main.js';
import * as PopupMenu from 'resource:///org/gnome/shell/ui/popupMenu.js';
import {QuickMenuToggle, SystemIndicator} from 'resource:///org/gnome/shell/ui/quickSettings.js';

import {Vms} from './vms.js';

const ICON = 'computer-symbolic';

const Toggle = GObject.registerClass(
class VirtsessionToggle extends QuickMenuToggle {
    _init() {
        super._init({title: 'VMs', iconName: ICON, toggleMode: false});
        this.menu.setHeader(ICON, 'Virtual machines');
        this._vms = new Vms(() => this._show());
        this.connect('clicked', () => this.menu.open());
        this.connect('destroy', () => this._vms.destroy());
        this._show();
    }

    _show() {
        const vms = this._vms.list;
        const running = vms.filter(vm => vm.active).length;
        this.set({visible: this._vms.known, checked: running > 0, subtitle: `${running} running`});
        this.menu.removeAll();
        for (const vm of vms) {
            const item = new PopupMenu.PopupSwitchMenuItem(vm.name, vm.active);
            item.setStatus(vm.changing ? vm.phase : null); // a text stands in for the switch
            item.connect('toggled', (_, active) => this._set(vm, active));
            this.menu.addMenuItem(item);
        }
    }

    async _set(vm, active) {
        try {
            await this._vms.set(vm.path, active);
        } catch (error) {
            Main.notifyError(vm.name, error.message);
            this._show(); // the switch goes back
        }
    }
});

const Indicator = GObject.registerClass(
class VirtsessionIndicator extends SystemIndicator {
    _init() {
        super._init();
        this.quickSettingsItems.push(new Toggle());
    }

    destroy() {
        this.quickSettingsItems.forEach(item => item.destroy());
        super.destroy();
    }
});

export default class VirtsessionExtension extends Extension {
    enable() {
        this._indicator = new Indicator();
        Main.panel.statusArea.quickSettings.addExternalIndicator(this._indicator);
    }

    disable() {
        this._indicator.destroy();
        this._indicator = null;
    }
}
