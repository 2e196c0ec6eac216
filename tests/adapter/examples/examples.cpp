// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program.hpp"
#include "support/private_bus.hpp"
#include "support/temporary_folder.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

using namespace virtsession::test;

namespace {

constexpr const char* kVms = R"(<node>
  <domain type='test'><name>db</name><memory>1024</memory><os><type>hvm</type></os></domain>
  <domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>
    <name>web</name><memory>1024</memory><os><type>hvm</type></os><test:runstate>5</test:runstate>
  </domain>
</node>
)";

/// A bus of the test's own with a real virtsessiond on it. Its VMs: db, which runs, and web, which is off.
class Desk {
 public:
  Desk() {
    std::ofstream(folder_ / "vms.xml") << kVms;
    for (const auto* name : {"home", "run"}) std::filesystem::create_directory(folder_ / name);
    start_daemon();
  }

  void start_daemon() {
    daemon_ = std::make_unique<Program>(
        std::vector<std::string>{VIRTSESSION_DAEMON, "--connect", "test://" + (folder_ / "vms.xml").string()},
        environment());
    daemon_->wait_for("Connected to libvirt");
  }
  /// Its VMs are as at the beginning when it is started again.
  void stop_daemon() {
    daemon_->signal(SIGTERM);
    daemon_->wait();
    daemon_.reset();
  }
  Program example(const std::string& name, std::vector<std::string> arguments = {}) {
    arguments.insert(arguments.begin(), VIRTSESSION_EXAMPLES "/" + name);
    return Program(arguments, environment());
  }
  /// Another client's request.
  void start_web() {
    auto starter = example("start-vm.sh", {"web"});
    REQUIRE(starter.wait() == 0);
  }
  const std::filesystem::path& folder() const { return folder_.path(); }
  std::vector<std::string> environment() const {
    return {
        "DBUS_SESSION_BUS_ADDRESS=" + bus_.address(),
        "HOME=" + (folder_ / "home").string(),
        "XDG_RUNTIME_DIR=" + (folder_ / "run").string(),
        "XDG_CONFIG_HOME=",
        "XDG_STATE_HOME=",
    };
  }

 private:
  PrivateBus bus_;
  TemporaryFolder folder_;
  std::unique_ptr<Program> daemon_;
};

std::string last_line(const std::string& text) {
  std::istringstream lines(text);
  std::string last;
  for (std::string line; std::getline(lines, line);) last = line;
  return last;
}

}  // namespace

TEST_CASE("start-vm.sh lists the VMs, starts one and waits for it") {
  Desk desk;
  auto list = desk.example("start-vm.sh");
  CHECK(list.wait() == 0);
  CHECK(list.printed() ==
        "db                   running      running\n"
        "web                  shut-off     inactive\n");
  auto start = desk.example("start-vm.sh", {"web"});
  CHECK(start.wait() == 0);
  CHECK(last_line(start.printed()) == "web                  running      running");
  auto unknown = desk.example("start-vm.sh", {"wbe"});
  CHECK(unknown.wait() == 1);
  CHECK(unknown.printed().find("no VM of this user has the name or uuid \"wbe\"") != std::string::npos);
}

TEST_CASE("watch-vms.py shows what is there, and each change as it happens") {
  Desk desk;
  auto watch = desk.example("watch-vms.py");
  watch.wait_for("db: running (");
  watch.wait_for("web: inactive (off)");
  desk.start_web();
  watch.wait_for("web: running (started)");
  desk.stop_daemon();
  watch.wait_for("web: gone");
}

TEST_CASE("start-vm.js starts a VM and shows its phase") {
  Desk desk;
  auto start = desk.example("start-vm.js", {"web"});
  CHECK(start.wait() == 0);
  CHECK(last_line(start.printed()) == "running (started)");
  auto unknown = desk.example("start-vm.js", {"wbe"});
  CHECK(unknown.wait() == 1);
  CHECK(unknown.printed().find("NoSuchVM") != std::string::npos);
  auto mistaken = desk.example("start-vm.js");
  CHECK(mistaken.wait() == 64);
}

TEST_CASE("cpp: it builds by itself against the interfaces, lists and starts") {
  Desk desk;
  const auto build = (desk.folder() / "build").string();
  const auto run = [&](const std::vector<std::string>& command) {
    Program program(command, desk.environment());
    const int status = program.wait();
    return std::pair(status, program.printed());
  };
  const auto configured = run({"cmake", "-S", VIRTSESSION_EXAMPLES "/cpp", "-B", build, "-G", "Ninja",
                               "-DVIRTSESSION_INTERFACES=" VIRTSESSION_INTERFACE_FOLDER, "-DCMAKE_CXX_FLAGS=-O0"});
  REQUIRE_MESSAGE(configured.first == 0, configured.second);
  const auto built = run({"cmake", "--build", build});
  REQUIRE_MESSAGE(built.first == 0, built.second);
  CHECK(run({build + "/vm-control"}) == std::pair(0, std::string("db: running\nweb: inactive\n")));
  CHECK(run({build + "/vm-control", "start", "web"}).first == 0);
  CHECK(run({build + "/vm-control", "start", "wbe"}).first == 1);
  CHECK(run({build + "/vm-control", "start"}).first == 64);
}

TEST_CASE("bar-module.py: one line at each change, for waybar and for polybar") {
  Desk desk;
  auto waybar = desk.example("bar-module.py");
  auto polybar = desk.example("bar-module.py", {"--text"});
  waybar.wait_for("}\n");
  const auto first = nlohmann::json::parse(last_line(waybar.printed()));
  CHECK(first["text"] == "1 running");
  CHECK(first["class"] == "normal");
  CHECK(first["tooltip"].get<std::string>().find("web: inactive (off)") != std::string::npos);
  polybar.wait_for("1 running\n");
  desk.start_web();
  waybar.wait_for("\"text\": \"2 running\"");
  polybar.wait_for("2 running\n");

  // It goes away, which hides the module, and comes back.
  desk.stop_daemon();
  waybar.wait_for("\"text\": \"\"");
  polybar.wait_for("an empty line", [](const std::string& printed) { return printed.ends_with("\n\n"); });
  desk.start_daemon();
  polybar.wait_for("its lines", [](const std::string& printed) { return printed.ends_with("\n1 running\n"); });
}

TEST_CASE("gnome-shell: the tile follows the VMs, starts one and asks its guest to shut down") {
  Desk desk;
  const std::string folder = VIRTSESSION_EXAMPLES "/gnome-shell/virtsession@virtsession.org";
  const auto tile = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {VIRTSESSION_QUICK_SETTINGS, folder});
    return Program(arguments, desk.environment());
  };
  auto follows = tile({});
  follows.wait_for("extension.js needs only the Shell\n");
  follows.wait_for("db running active=true changing=false, web inactive active=false changing=false\n");
  auto start = tile({"start", "web"});
  CHECK(start.wait() == 0);
  CHECK(last_line(start.printed()) == "start: done");
  follows.wait_for("web running active=true changing=false\n");
  auto stop = tile({"stop", "db"});
  CHECK(stop.wait() == 0);
  CHECK(last_line(stop.printed()) == "stop: done");
  follows.wait_for("db inactive active=false changing=false");

  // It goes away, which hides the tile, and comes back.
  desk.stop_daemon();
  follows.wait_for("virtsessiond does not run\n");
  desk.start_daemon();
  follows.wait_for("its VMs", [](const std::string& printed) {
    return last_line(printed) == "db running active=true changing=false, web inactive active=false changing=false";
  });

  std::ifstream file(folder + "/metadata.json");
  const auto metadata = nlohmann::json::parse(file);
  CHECK(folder.ends_with(metadata["uuid"].get<std::string>()));  // GNOME Shell looks for it there
}
