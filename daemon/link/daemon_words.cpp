// SPDX-License-Identifier: LGPL-2.1-or-later
#include "link/daemon_words.hpp"

#include <utility>

namespace virtsession {
namespace {

constexpr std::chrono::seconds kReadAgain(2);
/// A virtsessiond that has just begun was not there when libvirt failed.
constexpr std::chrono::minutes kBeforeUs(2);

}  // namespace

DaemonWords::DaemonWords(EventLoop& loop, Read read, std::function<void()> changed)
    : read_(std::move(read)),
      changed_(std::move(changed)),
      mail_(loop),
      again_(loop, [this] { this->read(); }),
      since_(std::chrono::system_clock::now() - kBeforeUs) {}

void DaemonWords::want(const std::string& unit) {
  if (unit == unit_) return;
  unit_ = unit;
  if (was_there_) since_ = std::chrono::system_clock::now();
  text_.clear();
  ++question_;
  again_.set(EventLoop::Clock::now() + kReadAgain);
}

void DaemonWords::forget() {
  was_there_ = true;
  unit_.clear();
  text_.clear();
  ++question_;
  again_.cancel();
}

void DaemonWords::read() {
  again_.set(EventLoop::Clock::now() + kReadAgain);
  if (std::exchange(reading_, true)) return;
  const std::function<std::string()> body = [read = read_, unit = unit_, since = since_] { return read(unit, since); };
  const std::function<void(std::string)> done = [this, question = question_](std::string text) {
    reading_ = false;
    if (question != question_ || text == text_) return;
    text_ = std::move(text);
    changed_();
  };
  reading_ = mail_.run("last-words", body, done);
}

}  // namespace virtsession
