// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/state_files.hpp"

#include "core/json_text.hpp"
#include "util/files.hpp"
#include "util/log.hpp"
#include "util/paths.hpp"

#include <filesystem>
#include <utility>

namespace virtsession {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kReadLimit{2};
/// It takes a tmpfs microseconds.
constexpr std::chrono::milliseconds kLoginLimit{100};

std::string text_of(const nlohmann::json& content) { return content.dump(1) + "\n"; }

}  // namespace

StateFiles::StateFiles()
    : login_path_(runtime_dir() + "/virtsession/login.json"), lasting_path_(state_home() + "/virtsession/state.json") {}

KeptState StateFiles::load() {
  auto login = read(login_path_);
  login_writer_.emplace(login_path_, std::move(login.text));
  lasting_writer_.reset();
  reading_.emplace("state-file", [path = lasting_path_] { return read(path); });
  if (!take_in(Clock::now() + kReadLimit))
    log::error("{} does not answer: what is in it is not known, and nothing is written there until it has been read",
               lasting_path_);
  return {std::move(login.object), lasting_};
}

void StateFiles::save(const KeptState& state) {
  if (!login_writer_) login_writer_.emplace(login_path_, std::string());
  login_writer_->write(text_of(state.login));
  login_writer_->finish(Clock::now() + kLoginLimit);
  if (!take_in(Clock::now())) return;
  if (!lasting_writer_) lasting_writer_.emplace(lasting_path_, std::string());
  lasting_writer_->write(text_of(state.lasting));
}

bool StateFiles::finish(Clock::time_point deadline) {
  if (!reading_ && (!lasting_writer_ || lasting_writer_->finish(deadline))) return true;
  log::error("{} does not answer: what was to be written there is lost", lasting_path_);
  return false;
}

/// \return whether state.json has been read, or nobody has asked for that
bool StateFiles::take_in(Clock::time_point deadline) {
  if (!reading_) return true;
  auto content = reading_->get(deadline);
  if (!content) return false;
  reading_.reset();
  lasting_ = std::move(content->object);
  lasting_writer_.emplace(lasting_path_, std::move(content->text));
  return true;
}

StateFiles::Content StateFiles::read(const std::string& path) {
  std::string problem;
  const auto text = read_file(path);
  if (text && !*text) return {};
  if (!text) {
    problem = text.error().message;
  } else if (auto parsed = parse_json(**text, JsonComments::refuse); !parsed) {
    problem = parsed.error().message;
  } else if (!parsed->is_object()) {
    problem = "it is " + std::string(json_type_name(*parsed)) + " and no object";
  } else {
    return {**text, std::move(parsed).value()};
  }
  std::error_code error;
  const auto aside = path + ".damaged";
  std::filesystem::rename(path, aside, error);
  log::error("{} cannot be used ({}); {}", path, problem,
             error ? "it could not be set aside: " + error.message() : "it was set aside as " + aside);
  return {};
}

}  // namespace virtsession
