# SPDX-License-Identifier: LGPL-2.1-or-later
# A module for home-manager:
#
#   imports = [ ./virtsession/contrib/packaging/virtsession.nix ];
#   services.virtsession = {
#     enable = true;
#     settings.defaults.restart = "on-failure";
#   };
{ config, lib, pkgs, ... }:

let
  cfg = config.services.virtsession;
  json = pkgs.formats.json { };

  virtsession = pkgs.stdenv.mkDerivation {
    pname = "virtsession";
    version = "0.1.0";
    src = lib.cleanSource ../..;
    nativeBuildInputs = with pkgs; [ cmake ninja pkg-config python3 scdoc sdbus-cpp ];
    buildInputs = with pkgs; [ cli11 fmt libvirt libxml2 nlohmann_json sdbus-cpp spdlog systemd ];
    postPatch = "patchShebangs contrib/man";
    # The daemons that libvirt has, where this system has them: libvirt itself, not what happens to be in PATH.
    cmakeFlags = [
      "-DVIRTSESSION_DAEMONS=libvirtd;virtqemud;virtlogd"
      "-DVIRTSESSION_DEFAULT_DAEMON=libvirtd"
      "-DLIBVIRTD=${pkgs.libvirt}/bin/libvirtd"
      "-DVIRTQEMUD=${pkgs.libvirt}/bin/virtqemud"
      "-DVIRTLOGD=${pkgs.libvirt}/bin/virtlogd"
      "-DVIRTSESSION_USER_UNIT_DIR=share/systemd/user"
    ];
    meta = {
      description = "Keeps a user's own virtual machines (qemu:///session) running like services";
      homepage = "https://virtsession.org";
      license = lib.licenses.lgpl21Plus;
      platforms = lib.platforms.linux;
      mainProgram = "virtsessiond";
    };
  };
  # Every unit where the user's systemd finds it, and what systemctl --user enable makes, see [Install] of the units.
  daemonUnits = name: [ "virtsession-${name}.service" "virtsession-${name}.socket" ];
  units = [ "virtsessiond.service" "virtsession-vm@.service" "virtsession-last-resort.service" "virtsession.slice" ]
    ++ lib.concatMap daemonUnits
      [ "libvirtd" "virtqemud" "virtlogd" "virtsecretd" "virtstoraged" "virtnetworkd" ]
    ++ [ "virtsession-libvirtd-admin.socket" "virtsession-virtqemud-admin.socket" ];
  sockets = [ "virtsession-libvirtd.socket" "virtsession-libvirtd-admin.socket" "virtsession-virtlogd.socket" ];
  link = folder: name:
    lib.nameValuePair "systemd/user/${folder}${name}" { source = "${cfg.package}/share/systemd/user/${name}"; };
  links = map (link "") units
    ++ [ (link "default.target.wants/" "virtsessiond.service") ]
    ++ map (link "sockets.target.wants/") sockets;
in
{
  options.services.virtsession = {
    enable = lib.mkEnableOption "the supervisor of the user's virtual machines";
    package = lib.mkOption {
      type = lib.types.package;
      default = virtsession;
      description = "The package with virtsessiond and its units.";
    };
    settings = lib.mkOption {
      type = json.type;
      default = { };
      example = { parallel = 2; defaults.restart = "on-failure"; };
      description = "The configuration, see virtsession.json(5).";
    };
  };

  config = lib.mkIf cfg.enable {
    home.packages = [ cfg.package pkgs.libvirt pkgs.qemu ];
    xdg.configFile = lib.listToAttrs links // {
      "virtsession/config.json" = lib.mkIf (cfg.settings != { }) {
        source = json.generate "virtsession-config.json" cfg.settings;
      };
    };
  };
}
