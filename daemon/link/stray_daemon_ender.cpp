// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/stray_daemon_ender.hpp"

#include "processes/pidfd.hpp"

#include <sys/epoll.h>

#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

namespace virtsession {
namespace {

constexpr std::chrono::seconds kPatience(5);

Error failure(std::string text) { return {ErrorCode::operation_failed, std::move(text)}; }

}  // namespace

StrayDaemonEnder::StrayDaemonEnder(EventLoop& loop) : loop_(loop), patience_(loop, [this] { on_patience_over(); }) {}

void StrayDaemonEnder::end(const StrayDaemon& daemon, Done done) {
  ended_.reset();
  patience_.cancel();
  call_.renew();
  done_ = std::move(done);
  killed_ = false;
  if (daemon.pid == 0) return finish(failure("it runs in a sandbox, out of reach"));
  process_ = open_process(daemon.pid);
  if (!process_ && errno == ESRCH) return finish({});
  if (!process_) return finish(failure(std::generic_category().message(errno)));
  ended_ = loop_.watch_io(process_.get(), EPOLLIN, [this](std::uint32_t) { finish({}); });
  patience_.set(EventLoop::Clock::now() + kPatience);
  send(SIGTERM);
}

void StrayDaemonEnder::send(int signal_number) {
  if (send_signal(process_, signal_number) || errno == ESRCH) return;
  finish(failure("it cannot be signalled: " + std::generic_category().message(errno)));
}

void StrayDaemonEnder::on_patience_over() {
  if (std::exchange(killed_, true)) return finish(failure("it has not ended 5 s after SIGKILL"));
  patience_.set(EventLoop::Clock::now() + kPatience);
  send(SIGKILL);
}

void StrayDaemonEnder::finish(Result<void> result) {
  ended_.reset();
  patience_.cancel();
  process_.reset();
  loop_.post(call_.weak(), [done = std::exchange(done_, nullptr), result = std::move(result)] { done(result); });
}

}  // namespace virtsession
