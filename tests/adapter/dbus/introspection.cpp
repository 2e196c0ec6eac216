// SPDX-License-Identifier: LGPL-2.1-or-later
#include "client.hpp"
#include "service.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>

namespace virtsession::test {

namespace {

/// What a command printed and how it ended.
struct Ran {
  int status = -1;
  std::string output;
};

Ran run(const std::string& command) {
  Ran ran;
  FILE* const pipe = popen(("timeout 60 " + command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 4096> buffer{};
  while (const auto count = std::fread(buffer.data(), 1, buffer.size(), pipe)) ran.output.append(buffer.data(), count);
  ran.status = pclose(pipe);
  return ran;
}

bool installed(const std::string& program) { return run("sh -c 'command -v " + program + "'").status == 0; }

std::string source_xml(const std::string& interface) {
  std::filesystem::path source(__FILE__);
  // ccache may make it relative to the build folder, in whose folder "tests" this program is.
  if (source.is_relative())
    source = std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() / source;
  std::ifstream file(source.parent_path() / "../../../daemon/dbus" / (interface + ".xml"));
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), {}};
}

/// The members of an interface, one line each with everything that a client may rely on, in no order:
/// "method GetVM > arg in s vm". Annotations are kept but for those that only the code generator reads, and
/// EmitsChangedSignal=true, which is the default.
std::set<std::string> members(std::string xml, const std::string& interface) {
  xml = std::regex_replace(xml, std::regex("<!--[^]*?-->"), "");
  const auto begin = xml.find("<interface name=\"" + interface + "\"");
  REQUIRE(begin != std::string::npos);
  xml = xml.substr(begin, xml.find("</interface>", begin) - begin);
  std::set<std::string> lines;
  std::string member;
  int argument = 0;
  const std::regex tag("<(\\w+)((?:\\s+\\w+=\"[^\"]*\")*)\\s*/?>");
  const std::regex attribute("(\\w+)=\"([^\"]*)\"");
  for (std::sregex_iterator found(xml.begin(), xml.end(), tag), end; found != end; ++found) {
    const std::string kind = (*found)[1];
    const std::string attributes = (*found)[2];
    std::map<std::string, std::string> of;
    for (std::sregex_iterator a(attributes.begin(), attributes.end(), attribute); a != std::sregex_iterator(); ++a)
      of[(*a)[1]] = (*a)[2];
    if (kind == "method" || kind == "property" || kind == "signal") {
      member = kind + " " + of["name"] + " " + of["type"] + " " + of["access"];
      argument = 0;
      lines.insert(member);
    } else if (kind == "arg") {
      lines.insert(member + "> " + std::to_string(++argument) + " " + of["direction"] + " " + of["type"] + " " +
                   of["name"]);
    } else if (kind == "annotation" && of["name"] != "org.freedesktop.DBus.Method.Async" && of["value"] != "true") {
      lines.insert(member + "> " + of["name"] + "=" + of["value"]);
    }
  }
  return lines;
}

struct Introspected {
  Introspected() { service.add(web()); }

  std::string busctl(const std::string& arguments) {
    const auto ran = run("busctl --address=" + bus.address() + " " + arguments);
    CAPTURE(ran.output);
    CHECK(ran.status == 0);
    return ran.output;
  }

  PrivateBus bus;
  Service service{bus};
  Client client{bus};
  const std::string name{kBusName};
  const std::string root{kRootPath};
};

}  // namespace

TEST_CASE_FIXTURE(Introspected, "what the service has is what the XML says") {
  const auto manager = members(source_xml(kManagerInterface), kManagerInterface);
  CHECK(manager.contains("method GetVM  > 1 in s vm"));
  CHECK(manager.contains("property Version s read> org.freedesktop.DBus.Property.EmitsChangedSignal=const"));
  CHECK(members(client.introspect(root), kManagerInterface) == manager);
  const auto vm = members(source_xml(kVmInterface), kVmInterface);
  CHECK(vm.contains("property Autostart b readwrite"));
  CHECK(members(client.introspect(kWebPath), kVmInterface) == vm);
}

TEST_CASE_FIXTURE(Introspected, "gdbus reads the same") {
  if (!installed("gdbus")) {
    MESSAGE("gdbus is not installed");
    return;
  }
  for (const auto& [path, interface] :
       {std::pair(root, kManagerInterface), std::pair(std::string(kWebPath), kVmInterface)}) {
    const auto ran =
        run("gdbus introspect --xml --address '" + bus.address() + "' --dest " + name + " --object-path " + path);
    CAPTURE(ran.output);
    CHECK(ran.status == 0);
    CHECK(members(ran.output, interface) == members(source_xml(interface), interface));
  }
}

TEST_CASE_FIXTURE(Introspected, "every member is documented with a comment of its name") {
  for (const char* interface : {kManagerInterface, kVmInterface}) {
    const std::string xml = source_xml(interface);
    const std::regex element("(-->)?\\s*<(method|property|interface) name=\"([^\"]+)\"");
    for (std::sregex_iterator found(xml.begin(), xml.end(), element), end; found != end; ++found) {
      CAPTURE((*found)[3].str());
      CHECK((*found)[1].matched);
      const auto comment = xml.rfind("<!--", static_cast<std::size_t>(found->position()));
      REQUIRE(comment != std::string::npos);
      const std::string text = xml.substr(comment, static_cast<std::size_t>(found->position()) - comment);
      CHECK(std::regex_search(text, std::regex("^<!--\\s+" + (*found)[3].str() + ":\n")));
      CHECK(text.find("\n      Since: ") + text.find("\n    Since: ") != 2 * std::string::npos);
    }
  }
}

TEST_CASE_FIXTURE(Introspected, "busctl shows, reads, sets and calls") {
  const auto introspected = busctl("introspect " + name + " " + kWebPath);
  CHECK(introspected.find("org.virtsession.Supervisor1.VM") != std::string::npos);
  CHECK(std::regex_search(introspected, std::regex("\\.Name +property +s +\"web\" +emits-change")));
  CHECK(std::regex_search(introspected, std::regex("\\.Uuid +property +s +\"[-1-5]+\" +const")));
  CHECK(std::regex_search(introspected, std::regex("\\.Autostart +property +b +true +emits-change writable")));
  CHECK(std::regex_search(introspected, std::regex("\\.Start +method +a\\{sv\\} +-")));

  CHECK(busctl("get-property " + name + " " + kWebPath + " " + kVmInterface + " State") == "s \"running\"\n");
  CHECK(busctl("get-property " + name + " " + kWebPath + " " + kVmInterface + " PolicyOverrides") ==
        "a{sv} 1 \"start_order\" i 5\n");
  CHECK(busctl("call " + name + " " + root + " " + kManagerInterface + " GetVM 'sa{sv}' web 0") ==
        "o \"" + std::string(kWebPath) + "\"\n");
  busctl("call " + name + " " + kWebPath + " " + kVmInterface + " Shutdown 'a{sv}' 1 timeout_sec u 30");
  busctl("set-property " + name + " " + kWebPath + " " + kVmInterface + " Autostart b false");
  service.wait_for_requests(2);
  const auto requests = service.on_loop([&] { return service.api.requests; });
  CHECK(requests[0].kind == RequestKind::shutdown);
  CHECK(requests[0].timeout == std::chrono::seconds(30));
  CHECK(requests[1].kind == RequestKind::set_autostart);

  const auto refused = run("busctl --address=" + bus.address() + " call " + name + " " + kWebPath + " " + kVmInterface +
                           " Start 'a{sv}' 1 pasued b true");
  CHECK(refused.status != 0);
  CHECK(refused.output.find("option \"pasued\" is not known; known options: paused") != std::string::npos);
}

}  // namespace virtsession::test
