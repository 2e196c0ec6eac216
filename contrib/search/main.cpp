// SPDX-License-Identifier: LGPL-2.1-or-later
// Virtual machines in GNOME Shell's search and in KRunner. The bus starts it when one of them asks, and it ends when
// nobody has for a while.
#include "search_object.hpp"
#include "texts/translate.hpp"
#include "util/bus_source.hpp"
#include "util/log.hpp"

#include <sysexits.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <functional>
#include <utility>

using namespace virtsession;

namespace {

constexpr const char* kName = "org.virtsession.Search";

std::chrono::milliseconds idle_time() {
  const char* const text = std::getenv("VIRTSESSION_SEARCH_IDLE_MS");  // for tests
  return text ? std::chrono::milliseconds(std::atoi(text)) : std::chrono::seconds(60);
}

/// Before any thread is there: the loop reads it from a descriptor.
void block_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

/// Ends the loop when nobody has asked for anything for a while.
class IdleExit {
 public:
  /// \param is_busy whether something that was asked for has not ended
  IdleExit(EventLoop& loop, sdbus::IConnection& connection, std::function<bool()> is_busy)
      : loop_(loop), connection_(connection), is_busy_(std::move(is_busy)), timer_(loop, [this] { look(); }) {
    wait(idle_time());
  }
  void note_use() { used_ = true; }

 private:
  void wait(std::chrono::milliseconds time) { timer_.set(EventLoop::Clock::now() + time); }
  void look() {
    const bool idle = !std::exchange(used_, false) && !is_busy_();
    if (!leaving_ && !idle) return wait(idle_time());
    if (leaving_ && idle) return loop_.quit(EX_OK);
    // The name goes first: what was sent to it until then is answered here, what comes later starts the next instance.
    if (!std::exchange(leaving_, true)) connection_.releaseName(sdbus_compat::ServiceName(kName));
    wait(std::chrono::milliseconds(100));
  }

  EventLoop& loop_;
  sdbus::IConnection& connection_;
  std::function<bool()> is_busy_;
  Timer timer_;
  bool used_ = false;
  bool leaving_ = false;
};

int serve() {
  EventLoop loop;
  const auto connection = sdbus::createSessionBusConnection();
  const BusSource source(loop, *connection, [&](const std::string&) { loop.quit(EX_OK); });
  const auto on_term = loop.on_signal(SIGTERM, [&] { loop.quit(EX_OK); });
  search::SearchObject object(loop, *connection);
  IdleExit exit(loop, *connection, [&] { return object.is_busy(); });
  object.on_use = [&] { exit.note_use(); };
  sdbus_compat::request_name(*connection, kName);
  return loop.run();
}

}  // namespace

int main() {
  block_signals();
  try {
    if (const auto ready = log::init(log::Level::info); !ready) log::warn("{}", ready.error().message);
    texts::init_translations();
    return serve();
  } catch (const sdbus::Error& error) {
    log::error("Failed to serve {}: {}", kName, error.getMessage());
    return EX_UNAVAILABLE;
  } catch (const std::exception& error) {
    log::error("Ended by an unexpected error: {}", error.what());
    return EX_SOFTWARE;
  }
}
