// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../client.hpp"
#include "../console.hpp"
#include "../verb.hpp"

namespace virtsession::ctl {
namespace {

using nlohmann::json;

Tone tone_of_decision(const std::string& decision) {
  if (decision == "start" || decision == "shutdown" || decision == "save") return Tone::good;
  return decision == "skip" || decision == "leave" ? Tone::faint : Tone::warning;
}

template <class Rows>
int print_steps(Console& console, const Rows& rows) {
  auto list = json::array();
  Table table({"WAVE", "NAME", "DECISION", "REASON"});
  for (const auto& row : rows) {
    const auto wave = std::get<0>(row);
    const auto& decision = std::get<3>(row);
    list.push_back({{"wave", wave},
                    {"path", std::string(std::get<1>(row))},
                    {"name", std::get<2>(row)},
                    {"decision", decision},
                    {"reason", std::get<4>(row)}});
    table.add({{wave == 0 ? "-" : std::to_string(wave)},
               {std::get<2>(row), Tone::strong},
               {decision, tone_of_decision(decision)},
               {std::get<4>(row)}});
  }
  if (console.json)
    console.print_json(list);
  else if (!table.empty())
    table.print(console);
  else if (console.out().is_terminal)
    console.note("No VMs. What to do:  virtsessionctl status");
  return kOk;
}

}  // namespace

Verb add_plan(CLI::App& app) {
  struct Options {
    std::string which = "start";
    std::optional<double> timeout_sec;
  };
  const auto options = std::make_shared<Options>();
  auto* command = app.add_subcommand("plan", "A dry run of what login or logout does, and why")->group(kConfigure);
  command->add_option("WHICH", options->which, "'start' (the default) or 'stop'")
      ->check(CLI::IsMember({"start", "stop"}));
  command
      ->add_option("--timeout", options->timeout_sec,
                   "For 'stop': plan with so much time (default: the system's limit)")
      ->option_text("SEC")
      ->check(CLI::Range(0.001, 86400.0));
  command->footer("VMs of one wave go together. Nothing is changed.");
  return {command, Completes::plan, [options](Console& console) {
            const bool stop = options->which == "stop";
            if (options->timeout_sec && !stop) throw Failure(kUsage, "--timeout is for 'plan stop'");
            auto client = looking_client();
            client.wait_for_libvirt();
            if (!stop) return print_steps(console, client.manager().PlanStart({}));
            VariantMap arguments;
            if (options->timeout_sec) arguments.emplace("timeout_sec", sdbus::Variant(*options->timeout_sec));
            return print_steps(console, client.manager().PlanStop(arguments));
          }};
}

}  // namespace virtsession::ctl
