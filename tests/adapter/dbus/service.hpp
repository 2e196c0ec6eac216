// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "dbus/tree.hpp"
#include "fake_api.hpp"
#include "support/loop_until.hpp"
#include "support/private_bus.hpp"
#include "util/bus_source.hpp"
#include "util/event_loop.hpp"
#include "util/sdbus_compat.hpp"

#include <future>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>

namespace virtsession::test {

inline constexpr const char* kWebUuid = "11111111-2222-3333-4444-555555555555";
inline constexpr const char* kWebPath = "/org/virtsession/Supervisor1/vm/_11111111_2222_3333_4444_555555555555";

/// The same policy but for one key.
inline SharedJson with(const SharedJson& policy, const char* key, const nlohmann::json& value) {
  auto changed = *policy;
  changed[key] = value;
  return changed;
}

/// A VM named "web" with something in every field.
VmView web();
/// The i-th of many VMs.
VmView numbered(int i);

/// The real objects on a private bus, in a thread and a loop of their own, as in the daemon; behind them a FakeApi.
class Service {
 public:
  explicit Service(const PrivateBus& bus);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  /// Runs `function` on the service's loop. \return what it returns \throws what it throws
  template <class Function>
  auto on_loop(Function function) -> std::invoke_result_t<Function> {
    std::packaged_task<std::invoke_result_t<Function>()> task(std::move(function));
    auto done = task.get_future();
    loop_->post([&task] { task(); });
    return done.get();
  }
  /// Waits until `condition` holds, which is asked on the service's loop.
  template <class Condition>
  void wait_until(const std::string& what, Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!on_loop(condition)) {
      if (std::chrono::steady_clock::now() > deadline) FAIL("Waited in vain for: " << what);
      std::this_thread::yield();
    }
  }
  void wait_for_requests(std::size_t count) {
    wait_until("requests", [this, count] { return api.requests.size() >= count; });
  }
  void update(const VmView& view) {
    on_loop([&] { tree->update(view); });
  }
  /// Tells a VM to the tree and to the Api.
  void add(const VmView& view);

  FakeApi api;                 // on the loop only
  std::unique_ptr<Tree> tree;  // on the loop only
  std::string unique_name;

 private:
  void run(const PrivateBus& bus, std::promise<void>& ready);

  EventLoop* loop_ = nullptr;
  std::thread thread_;
};

}  // namespace virtsession::test
