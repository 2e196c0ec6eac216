// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/kept_state.hpp"
#include "fuzz_check.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

using namespace virtsession;
using nlohmann::json;

namespace {

/// What was read means the same when the next instance reads what this one wrote.
void check_lasts(const Kept& kept) {
  const auto written = to_state(kept);
  PROMISE(login_problem(written.login).empty());
  PROMISE(to_state(from_state({json::parse(written.login.dump()), json::parse(written.lasting.dump())})) == written);
}

}  // namespace

/// Either of the state files may be any JSON: it is read without harm, and one of a login that cannot be used starts
/// nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = json::parse(std::string_view(reinterpret_cast<const char*>(data), size), nullptr, false);
  if (file.is_discarded()) return 0;

  const KeptState login{.login = file};
  const auto kept = from_state(login);
  if (!login.login_is_new() && !login_problem(file).empty()) {
    PROMISE(kept.autostart_begun);
    PROMISE(kept.vms.empty() && !kept.stop);
  }
  check_lasts(kept);
  check_lasts(from_state({.lasting = file}));
  return 0;
}
