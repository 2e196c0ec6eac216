// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/state_files.hpp"

#include "core/json_text.hpp"
#include "systemd/manager_instance.hpp"
#include "util/files.hpp"
#include "util/log.hpp"
#include "util/paths.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <thread>
#include <utility>

namespace virtsession {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kReadLimit{2};
/// It takes a tmpfs microseconds.
constexpr std::chrono::milliseconds kLoginLimit{100};

/// Beside what the core keeps in login.json: the user manager that the login is of.
constexpr const char* kManagerKey = "user_manager";
/// Of a file that cannot be used: another text than any that is written.
constexpr const char* kNoText = "?";

/// A file system that hung may refuse what was under way, and be there again a moment later.
constexpr int kTries = 20;
constexpr std::chrono::milliseconds kBetweenTries{100};

bool may_be_read_later(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) == 0) return S_ISREG(info.st_mode) && access(path.c_str(), R_OK) == 0;
  return errno == ENOENT || errno == ENOTCONN || errno == EIO || errno == ESTALE || errno == ETIMEDOUT;
}

std::string text_of(const nlohmann::json& content) { return content.dump(1) + "\n"; }

}  // namespace

StateFiles::StateFiles(std::function<void()> read)
    : login_path_(runtime_dir() + "/virtsession/login.json"),
      lasting_path_(state_home() + "/virtsession/state.json"),
      manager_(user_manager_instance()),
      read_(std::move(read)) {}

KeptState StateFiles::load() {
  const auto login = read_file_at(login_path_);
  login_writer_.emplace(login_path_, login.text);
  begin_reading();
  late_ = !take_in(Clock::now() + kReadLimit);
  if (late_)
    log::error("{} does not answer: what is in it is not known, and nothing is written there until it has been read",
               lasting_path_);
  return {login_in(login), lasting_};
}

void StateFiles::begin_reading() {
  lasting_writer_.reset();
  lasting_ = nlohmann::json::object();
  const auto look = [path = lasting_path_] {
    auto content = read_file_at(path);
    for (int tries = 0; tries < kTries && content.unread && may_be_read_later(path); ++tries) {
      std::this_thread::sleep_for(kBetweenTries);
      content = read_file_at(path);
    }
    if (!content.problem.empty()) keep_copy(path, content.problem, "what ran at the last stop is not known");
    return content;
  };
  reading_.emplace("state-file", look, read_);
}

void StateFiles::read_again() {
  late_ = true;
  begin_reading();
}

std::optional<nlohmann::json> StateFiles::take_late() {
  if (!late_ || !take_in(Clock::now())) return std::nullopt;
  late_ = false;
  return lasting_;
}

/// \return as KeptState::login
nlohmann::json StateFiles::login_in(const Content& content) const {
  if (content.problem.empty() && content.object.is_null()) return nlohmann::json::object();
  const auto problem = content.problem.empty() ? login_problem(content.object) : content.problem;
  if (!problem.empty()) {
    keep_copy(login_path_, problem, "no VM is started for this login again");
    return nullptr;
  }
  auto login = content.object;
  const auto manager = login.value(kManagerKey, nlohmann::json());
  login.erase(kManagerKey);
  if (manager.is_null() || manager_.empty() || manager == manager_) return login;
  log::info("The user manager was started anew since {} was written: this is a new login", login_path_);
  return nlohmann::json::object();
}

void StateFiles::save(const KeptState& state) {
  save_login(state.login);
  if (late_) return;
  if (!lasting_writer_) lasting_writer_.emplace(lasting_path_, std::string());
  lasting_writer_->write(text_of(state.lasting));
}

/// Comparing takes a tenth of the time of the text when there are hundreds of VMs.
void StateFiles::save_login(const nlohmann::json& login) {
  if (login == saved_login_) return;
  if (!login_writer_) login_writer_.emplace(login_path_, std::string());
  saved_login_ = login;
  if (!manager_.empty()) saved_login_[kManagerKey] = manager_;
  login_writer_->write(login.empty() ? std::string() : text_of(saved_login_));
  saved_login_.erase(kManagerKey);
  if (!login_writer_->finish(Clock::now() + kLoginLimit)) saved_login_ = nullptr;
}

bool StateFiles::finish(Clock::time_point deadline) {
  if (!late_ && (!lasting_writer_ || lasting_writer_->finish(deadline))) return true;
  log::error("{} does not answer: what was to be written there is lost", lasting_path_);
  return false;
}

/// \return whether state.json has been read, or nobody has asked for that
bool StateFiles::take_in(Clock::time_point deadline) {
  if (!reading_) return true;
  auto content = reading_->get(deadline);
  if (!content) return false;
  reading_.reset();
  if (content->problem.empty() && !content->object.is_null()) lasting_ = std::move(content->object);
  lasting_writer_.emplace(lasting_path_, std::move(content->text));
  return true;
}

StateFiles::Content StateFiles::read_file_at(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return {kNoText, {}, text.error().message, true};
  if (!*text) return {};
  auto parsed = parse_json(**text, JsonComments::refuse);
  if (!parsed) return {kNoText, {}, parsed.error().message, false};
  if (!parsed->is_object())
    return {kNoText, {}, "it is " + std::string(json_type_name(*parsed)) + ", not an object", false};
  return {**text, std::move(parsed).value(), {}, false};
}

void StateFiles::keep_copy(const std::string& path, const std::string& problem, const char* consequence) {
  std::error_code error;
  const auto copy = path + ".damaged";
  std::filesystem::copy_file(path, copy, std::filesystem::copy_options::overwrite_existing, error);
  log::warn("{} cannot be used ({}): {}; {}", path, problem, consequence,
            error ? "it could not be copied: " + error.message() : "a copy is kept as " + copy);
}

}  // namespace virtsession
