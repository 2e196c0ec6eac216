// SPDX-License-Identifier: LGPL-2.1-or-later
// Lists the VMs, or asks for the start or the shutdown of one.   vm-control [start|shutdown VM]
#include "Manager-proxy.hpp"
#include "VM-proxy.hpp"

#include <sdbus-c++/sdbus-c++.h>

#include <iostream>
#include <map>
#include <string>
#include <tuple>

namespace {

// sdbus-c++ has no version macro; this header came with 2.0, which has a type for the names of services.
#if __has_include(<sdbus-c++/VTableItems.h>)
using sdbus::ServiceName;
#else
using ServiceName = std::string;
#endif

using Options = std::map<std::string, sdbus::Variant>;
const ServiceName kService{"org.virtsession.Supervisor1"};

/// What sdbus-c++ asks of whoever uses generated proxies: they are registered as long as the object lives.
template <class Interface>
class Proxy final : public sdbus::ProxyInterfaces<Interface> {
 public:
  Proxy(sdbus::IConnection& bus, const sdbus::ObjectPath& path)
      : sdbus::ProxyInterfaces<Interface>(bus, kService, path) {
    this->registerProxy();
  }
  ~Proxy() { this->unregisterProxy(); }
};
using Manager = Proxy<org::virtsession::Supervisor1::Manager_proxy>;
using Vm = Proxy<org::virtsession::Supervisor1::VM_proxy>;

int run(const std::string& verb, const std::string& name) {
  const auto bus = sdbus::createSessionBusConnection();
  Manager manager(*bus, sdbus::ObjectPath("/org/virtsession/Supervisor1"));
  if (verb.empty()) {
    for (const auto& row : manager.ListVMs({})) std::cout << std::get<2>(row) << ": " << std::get<4>(row) << '\n';
    return 0;
  }
  Vm vm(*bus, manager.GetVM(name, {}));
  // With wait=false the answer comes at once; the usual 25 seconds may be too short for the outcome.
  const Options no_waiting{{"wait", sdbus::Variant(false)}};
  if (verb == "start")
    vm.Start(no_waiting);
  else if (verb == "shutdown")
    vm.Shutdown(no_waiting);
  else
    return 64;
  std::cout << vm.Name() << ": " << vm.Phase() << " (" << vm.PhaseReason() << ")\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 1 && argc != 3) {
    std::cerr << "usage: vm-control [start|shutdown VM]\n";
    return 64;
  }
  try {
    return run(argc == 3 ? argv[1] : "", argc == 3 ? argv[2] : "");
  } catch (const sdbus::Error& error) {
    std::cerr << error.getMessage() << '\n';
    return 1;
  }
}
