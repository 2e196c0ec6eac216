// SPDX-License-Identifier: LGPL-2.1-or-later
#include "program.hpp"

#include "../virtsessionctl/text.hpp"
#include "doctor/words.hpp"
#include "exit_code.hpp"
#include "gather.hpp"
#include "mover.hpp"
#include "plan_text.hpp"
#include "record_json.hpp"

#include <fmt/format.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>

namespace virtsession::move {
namespace {

using ctl::Console;
using ctl::Tone;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kReportEvery{100};

int fail(Console& console, int code, const std::string& text, const std::string& hint = {}) {
  console.error(printable(text));
  console.hint(hint);
  return code;
}

std::string again(const std::string& vm, const char* option) {
  return "virtsessionctl move " + shell_word(vm) + " " + option;
}

int refuse_side(Console& console, Side side, const Error& error, const Places& places) {
  if (side == Side::session)
    return fail(console, kBlocked, "qemu:///session does not answer: " + error.message,
                "Turn it on:  systemctl --user enable --now virtsessiond");
  if (error.code == ErrorCode::access_denied)
    return fail(console, kBlocked, places.user + " may not use qemu:///system: " + error.message,
                "Give the password when it is asked for, or join the group libvirt:\n  sudo usermod -aG libvirt " +
                    shell_word(places.user) + "   # then log in again");
  return fail(console, kBlocked, "qemu:///system does not answer: " + error.message,
              "Is it installed, and does it run?  systemctl status libvirtd.socket");
}

/// Both libvirts, and where the VM is.
struct Sides {
  std::unique_ptr<SideAccess> source, target;
  DomainPtr domain;
};

/// \return an ExitCode when it cannot be
int open_sides(Console& console, const Places& places, const Options& options, Sides& sides) {
  std::unique_ptr<SideAccess> both[2];
  for (const auto side : {Side::session, Side::system}) {
    auto opened = SideAccess::open(side);
    if (!opened) return refuse_side(console, side, opened.error(), places);
    both[side == Side::system ? 1 : 0] = std::move(opened).value();
  }
  DomainPtr found[2];
  for (std::size_t i = 0; i < 2; ++i) {
    auto domain = both[i]->find(options.vm);
    if (!domain) return fail(console, kFailed, domain.error().message);
    found[i] = std::move(domain).value();
  }
  if (options.from.empty() && found[0] && found[1])
    return fail(console, kUsage, "VM \"" + printable(options.vm) + "\" is in the session and in the system",
                "Say which:  " + again(options.vm, "--from system"));
  const bool from_system = options.from.empty() ? found[1] != nullptr : options.from == "system";
  auto& domain = found[from_system ? 1 : 0];
  if (!domain)
    return fail(console, kNoSuchVm,
                "no VM has the name or uuid \"" + printable(options.vm) + "\"" +
                    (options.from.empty() ? ", neither in the session nor in the system" : " in the " + options.from),
                "What there is:  virtsessionctl list --system; virtsessionctl list");
  sides.domain = std::move(domain);
  sides.source = std::move(both[from_system ? 1 : 0]);
  sides.target = std::move(both[from_system ? 0 : 1]);
  return kOk;
}

/// For programs: a line for each thing that happens, as virtsession-move(7) has them.
Reporter line_reporter(Console& console) {
  return {.step =
              [&console](const std::string& what) {
                console.print_json_line({{"step", what}});
              },
          .progress =
              [&console, shown = Clock::time_point()](const std::string& file, std::uint64_t sent,
                                                      std::uint64_t total) mutable {
                const auto now = Clock::now();
                if (now - shown < kReportEvery && sent < total) return;
                shown = now;
                console.print_json_line({{"file", file}, {"sent", sent}, {"total", total}});
              }};
}

Reporter reporter_for(Console& console) {
  if (console.json) return line_reporter(console);
  const auto begin = Clock::now();
  return {.step =
              [&console](const std::string& what) {
                if (console.err().rewritable)
                  console.show_progress(printable(what) + " ...");
                else
                  console.note(printable(what));
              },
          .progress =
              [&console, begin, shown = Clock::time_point()](const std::string& file, std::uint64_t sent,
                                                             std::uint64_t total) mutable {
                const auto now = Clock::now();
                if (now - shown < kReportEvery) return;
                shown = now;
                const auto seconds = std::chrono::duration<double>(now - begin).count();
                const auto percent = total == 0 ? 100 : std::min<std::uint64_t>(100 * sent / total, 100);
                std::string bar;
                for (std::uint64_t i = 0; i < 20; ++i)
                  bar += i * 5 < percent ? console.err().choose("█", "#") : console.err().choose("░", ".");
                const auto rate = static_cast<std::uint64_t>(static_cast<double>(sent) / std::max(seconds, 0.001));
                console.show_progress(fmt::format("[{}] {} %  {} of {}, {}/s  {}", bar, percent, size_text(sent),
                                                  size_text(total), size_text(rate), printable(file)));
              }};
}

/// What Ctrl-C leaves is what a kill leaves.
extern "C" void on_interrupt(int /*signal*/) {
  constexpr char kText[] = "\nInterrupted. Go on with --resume, or take it back with --undo, of virtsessionctl move.\n";
  [[maybe_unused]] const auto written = write(STDERR_FILENO, kText, sizeof kText - 1);
  _exit(kInterrupted);
}

void report_end(Console& console, const Record& record, const std::string& kept) {
  const auto& request = record.request;
  if (console.json)
    return console.print_json_line(
        {{"done", uri_of(other(request.from))}, {"kept", kept}, {"delete", delete_command(request, record.plan)}});
  const auto side = other(request.from);
  const auto name = printable(record.plan.name);
  console.print(
      name + (request.copy ? " was copied to " : " is in ") + uri_of(side) +
      (record.plan.autostart ? side == Side::session ? ", and starts at login" : ", and starts at boot" : ""));
  if (side == Side::session) console.print("  Start it now:  virtsessionctl start " + shell_word(record.plan.name));
  if (!kept.empty()) console.print("  State of an earlier stay there was replaced; it is kept in " + printable(kept));
  if (request.keep_source)
    console.print("  Its definition is still in " + uri_of(request.from) +
                  ", with the same uuid and MAC addresses: start one of the two only");
  if (const auto command = delete_command(request, record.plan); !command.empty()) {
    console.print("  Its files are still where they were. When all is well, this deletes them:");
    console.print("    " + console.out().paint(Tone::good, printable(command)));
  }
}

int finish(Console& console, Journals& journals, Record& record, SideAccess& source, SideAccess& target) {
  signal(SIGINT, on_interrupt);
  Mover mover(journals, record, source, target, reporter_for(console));
  const auto done = mover.run();
  if (done) {
    report_end(console, record, mover.kept_folder());
    return kOk;
  }
  const auto& error = done.error();
  if (record.phase == Phase::arrived || error.code == ErrorCode::libvirt_unavailable)
    return fail(
        console, kFailed, error.message,
        "Go on:      " + again(record.plan.name, "--resume") + "\nTake back:  " + again(record.plan.name, "--undo"));
  if (console.json)
    console.print_json_line({{"step", "taking it back"}});
  else
    console.note("Taking it back");
  if (const auto back = mover.undo(); !back)
    return fail(console, kFailed, error.message + "; and it could not be taken back: " + back.error().message,
                "Try again:  " + again(record.plan.name, "--undo"));
  return fail(console, kFailed, error.message, "It was taken back: the VM is where it was.");
}

int take_back(Console& console, Journals& journals, Record& record, SideAccess& source, SideAccess& target) {
  Mover mover(journals, record, source, target, reporter_for(console));
  if (const auto back = mover.undo(); !back)
    return fail(console, back.error().code == ErrorCode::busy ? kBlocked : kFailed, back.error().message);
  const auto uri = uri_of(record.request.from);
  if (console.json)
    console.print_json_line({{"undone", uri}});
  else
    console.print(printable(record.plan.name) + " is in " + uri + ", as before");
  return kOk;
}

int go_on(Console& console, const Places& places, Journals& journals, Record& record, const Options& options) {
  const auto from = record.request.from;
  auto source = SideAccess::open(from);
  if (!source) return refuse_side(console, from, source.error(), places);
  auto target = SideAccess::open(other(from));
  if (!target) return refuse_side(console, other(from), target.error(), places);
  return options.undo ? take_back(console, journals, record, **source, **target)
                      : finish(console, journals, record, **source, **target);
}

/// \return false when it makes no sense
bool read_network(const std::string& text, NetworkChoice& choice) {
  if (text.empty()) return true;
  if (text == "user")
    choice.kind = NetworkChoice::Kind::user;
  else if (text == "passt")
    choice.kind = NetworkChoice::Kind::passt;
  else if (text.starts_with("bridge:") && text.size() > 7)
    choice = {NetworkChoice::Kind::bridge, text.substr(7)};
  else
    return false;
  return true;
}

int refuse_second(Console& console, const std::string& vm) {
  return fail(console, kBlocked, "a move of \"" + printable(vm) + "\" was cut off",
              "Go on:      " + again(vm, "--resume") + "\nTake back:  " + again(vm, "--undo"));
}

int move_anew(Console& console, const Places& places, Journals& journals, const Options& options) {
  Request request{
      .vm = options.vm, .network = {}, .to = options.to, .copy = options.copy, .keep_source = options.keep_source};
  if (!read_network(options.network, request.network))
    return fail(console, kUsage,
                "--network takes user, passt or bridge:NAME, not \"" + printable(options.network) + "\"");
  if (!request.to.empty()) request.to = std::filesystem::absolute(request.to).lexically_normal().string();
  while (request.to.size() > 1 && request.to.back() == '/') request.to.pop_back();
  Sides sides;
  if (const int code = open_sides(console, places, options, sides); code != kOk) return code;
  request.from = sides.source->side();
  console.show_progress("Looking at it ...");
  const auto facts = gather_facts(request, places, *sides.source, sides.domain.get(), *sides.target);
  if (!facts) return fail(console, kFailed, facts.error().message);
  auto plan = make_plan(request, *facts);
  if (!plan) return fail(console, kFailed, plan.error().message);
  const bool blocked = !plan->obstacles.empty();
  if (console.json && options.dry_run)
    console.print_json(plan_json(request, *plan));
  else if (console.json)
    console.print_json_line({{"plan", plan_json(request, *plan)}});
  else if (options.dry_run || blocked)
    print_plan(console, request, *plan);
  if (blocked)
    return options.dry_run ? int{kBlocked} : fail(console, kBlocked, "nothing was changed: see \"In the way\"");
  if (options.dry_run) return kOk;
  if (!console.json)
    for (const auto& loss : plan->losses) console.note(printable(loss.what + ": " + loss.text));

  const auto& source = facts->source;
  const auto earlier = journals.load(source.uuid);  // under another name
  if (!earlier) return fail(console, kBlocked, earlier.error().message);
  if (*earlier) return refuse_second(console, (*earlier)->plan.name);
  Record record{.request = request,
                .plan = std::move(plan).value(),
                .source_uuid = source.uuid,
                .source_xml = source.xml,
                .source_snapshots = source.snapshots,
                .source_checkpoints = source.checkpoints,
                .source_autostart = source.autostart,
                .files = {},
                .arrived = {},
                .named = {}};
  record.files.resize(record.plan.files.size());
  Mover mover(journals, record, *sides.source, *sides.target, reporter_for(console));
  if (const auto begun = mover.begin(); !begun) return fail(console, kFailed, begun.error().message);
  return finish(console, journals, record, *sides.source, *sides.target);
}

}  // namespace

int run_move(Console& console, const Options& options) {
  const auto places = Places::from_environment();
  if (getuid() == 0)
    return fail(console, kUsage, "root has no session of its own: move VMs as the user who wants them");
  virSetErrorFunc(nullptr, [](void* /*opaque*/, virErrorPtr /*error*/) {});  // reported once, by us
  auto opened = Journals::open(places.state_home);
  if (!opened) return fail(console, kBlocked, opened.error().message);
  Journals journals = std::move(opened).value();
  const auto record = journals.find(options.vm);
  if (!record) return fail(console, kBlocked, record.error().message);
  const bool unfinished = record->has_value();
  if (options.resume || options.undo) {
    if (!unfinished) return fail(console, kNoSuchVm, "no move of \"" + printable(options.vm) + "\" was cut off");
    auto found = **record;
    return go_on(console, places, journals, found, options);
  }
  if (unfinished) return refuse_second(console, options.vm);
  return move_anew(console, places, journals, options);
}

}  // namespace virtsession::move
