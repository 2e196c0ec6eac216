// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/libvirt_hypervisor.hpp"

#include "libvirt/libvirt_session.hpp"

#include <chrono>
#include <utility>

namespace virtsession {
namespace {

constexpr std::chrono::seconds kPatience(5);
constexpr std::size_t kMaxLeaving = 4;

Error unavailable(const char* message) { return {ErrorCode::libvirt_unavailable, message}; }

}  // namespace

LibvirtHypervisor::LibvirtHypervisor(EventLoop& loop, const Sinks& sinks)
    : events_(EventThread::share()), mailbox_(std::make_shared<Mailbox>(loop, sinks)) {}

LibvirtHypervisor::~LibvirtHypervisor() {
  mailbox_->shut();
  close();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (const auto& session : leaving_) session->wait_ended(deadline);
}

void LibvirtHypervisor::open(const std::string& uri) {
  close();
  if (leaving_.size() >= kMaxLeaving) {
    return mailbox_->post(generation_, [](const Sinks& sinks) {
      sinks.connection.on_open_failed(unavailable("libvirt has not answered several earlier connections"));
    });
  }
  session_ = std::make_shared<LibvirtSession>(generation_, mailbox_);
  session_->open(uri);
}

// A new generation makes everything of the old one stale, and is what calls without a connection are answered under.
void LibvirtHypervisor::close() {
  mailbox_->accept(++generation_);
  if (session_) {
    session_->finish();
    leaving_.push_back(std::exchange(session_, nullptr));
  }
  forget_ended();
}

void LibvirtHypervisor::forget_ended() {
  std::erase_if(leaving_, [](const auto& session) { return session->ended(); });
}

void LibvirtHypervisor::list() {
  if (session_) return session_->list();
  mailbox_->post(generation_, [](const Sinks& sinks) {
    sinks.connection.on_list_done(unavailable("There is no connection to libvirt"));
  });
}

void LibvirtHypervisor::ping() {
  if (session_) session_->ping();
}

void LibvirtHypervisor::refresh(const std::string& uuid) {
  if (session_) session_->refresh(uuid);
}

void LibvirtHypervisor::run(const Operation& operation) {
  if (session_) return session_->run(operation);
  mailbox_->post(generation_, [id = operation.id](const Sinks& sinks) {
    sinks.domains.on_operation_done(id, unavailable("There is no connection to libvirt"));
  });
}

}  // namespace virtsession
