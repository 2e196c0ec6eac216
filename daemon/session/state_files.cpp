// SPDX-License-Identifier: LGPL-2.1-or-later
#include "session/state_files.hpp"

#include "core/json_text.hpp"
#include "util/files.hpp"
#include "util/log.hpp"
#include "util/paths.hpp"

#include <filesystem>

namespace virtsession {

StateFiles::StateFiles() {
  login_.path = runtime_dir() + "/virtsession/login.json";
  lasting_.path = state_home() + "/virtsession/state.json";
}

KeptState StateFiles::load() { return {load(login_), load(lasting_)}; }

void StateFiles::save(const KeptState& state) {
  save(login_, state.login);
  save(lasting_, state.lasting);
}

nlohmann::json StateFiles::load(File& file) {
  std::string problem;
  const auto text = read_file(file.path);
  if (text && !*text) return nlohmann::json::object();
  if (!text) {
    problem = text.error().message;
  } else if (auto parsed = parse_json(**text, JsonComments::refuse); !parsed) {
    problem = parsed.error().message;
  } else if (!parsed->is_object()) {
    problem = "it is " + std::string(json_type_name(*parsed)) + " and no object";
  } else {
    file.written = **text;
    return std::move(parsed).value();
  }
  std::error_code error;
  const auto aside = file.path + ".damaged";
  std::filesystem::rename(file.path, aside, error);
  log::error("{} cannot be used ({}); {}", file.path, problem,
             error ? "it could not be set aside: " + error.message() : "it was set aside as " + aside);
  return nlohmann::json::object();
}

void StateFiles::save(File& file, const nlohmann::json& content) {
  auto text = content.dump(1) + "\n";
  if (text == file.written) return;
  auto result = make_directories(std::filesystem::path(file.path).parent_path().string());
  if (result) result = write_file_atomically(file.path, text);
  if (result) {
    if (file.failed) log::info("{} can be written again", file.path);
    file.written = std::move(text);
  } else if (!file.failed) {
    log::error("Failed to write {}: {}", file.path, result.error().message);
  }
  file.failed = !result;
}

}  // namespace virtsession
