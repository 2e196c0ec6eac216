// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/move_program.hpp"

#include <csignal>
#include <cstdlib>
#include <utility>

namespace virtsession::window {
namespace {

/// VIRTSESSION_MOVE_PROGRAM: where it is when it is not installed.
const char* program() {
  const char* const other = std::getenv("VIRTSESSION_MOVE_PROGRAM");
  return other ? other : VIRTSESSION_MOVE;
}

GDataInputStream* stream_of(GInputStream* pipe) {
  GDataInputStream* const stream = g_data_input_stream_new(pipe);
  g_data_input_stream_set_newline_type(stream, G_DATA_STREAM_NEWLINE_TYPE_LF);
  return stream;
}

}  // namespace

struct MoveProgram::Run {
  GSubprocess* process = nullptr;
  GDataInputStream* streams[2] = {nullptr, nullptr};
  MoveProgram* owner = nullptr;  // nullptr once it is forgotten
  Line line;
  Ended ended;
  End end;
  int parts = 3;  // the two streams, and the process

  ~Run() {
    for (auto*& stream : streams) g_clear_object(&stream);
    g_clear_object(&process);
  }
};

MoveProgram::~MoveProgram() { forget(); }

void MoveProgram::forget() {
  if (run_) run_->owner = nullptr;
  run_.reset();
}

void MoveProgram::run(const std::vector<std::string>& words, Line line, Ended ended) {
  std::vector<const char*> arguments{program()};
  for (const auto& word : words) arguments.push_back(word.c_str());
  arguments.push_back(nullptr);
  GError* error = nullptr;
  GSubprocess* const process = g_subprocess_newv(
      arguments.data(), static_cast<GSubprocessFlags>(G_SUBPROCESS_FLAGS_STDOUT_PIPE | G_SUBPROCESS_FLAGS_STDERR_PIPE),
      &error);
  if (!process) {
    const End end{.output = {}, .errors = error->message};
    g_error_free(error);
    return ended(end);
  }
  run_ = std::make_shared<Run>();
  run_->process = process;
  run_->owner = this;
  run_->line = std::move(line);
  run_->ended = std::move(ended);
  run_->streams[0] = stream_of(g_subprocess_get_stdout_pipe(process));
  run_->streams[1] = stream_of(g_subprocess_get_stderr_pipe(process));
  read_line(run_, run_->streams[0], false);
  read_line(run_, run_->streams[1], true);
  g_subprocess_wait_async(
      process, nullptr,
      [](GObject* source, GAsyncResult* result, gpointer data) {
        const std::unique_ptr<std::shared_ptr<Run>> run(static_cast<std::shared_ptr<Run>*>(data));
        auto* const ended_process = G_SUBPROCESS(source);
        g_subprocess_wait_finish(ended_process, result, nullptr);
        (*run)->end.succeeded =
            g_subprocess_get_if_exited(ended_process) && g_subprocess_get_exit_status(ended_process) == 0;
        part_ended(*run);
      },
      new std::shared_ptr<Run>(run_));
}

void MoveProgram::interrupt() {
  if (!run_) return;
  run_->end.interrupted = true;
  g_subprocess_send_signal(run_->process, SIGINT);
}

void MoveProgram::read_line(const std::shared_ptr<Run>& run, GDataInputStream* stream, bool is_error) {
  using Held = std::pair<std::shared_ptr<Run>, bool>;
  g_data_input_stream_read_line_async(
      stream, G_PRIORITY_DEFAULT, nullptr,
      [](GObject* source, GAsyncResult* result, gpointer data) {
        const std::unique_ptr<Held> held(static_cast<Held*>(data));
        auto& of = *held->first;
        char* const text = g_data_input_stream_read_line_finish(G_DATA_INPUT_STREAM(source), result, nullptr, nullptr);
        if (!text) return part_ended(held->first);
        const std::string read = text;
        g_free(text);
        (held->second ? of.end.errors : of.end.output) += read + "\n";
        if (!held->second && of.owner && of.line) of.line(read);
        read_line(held->first, G_DATA_INPUT_STREAM(source), held->second);
      },
      new Held(run, is_error));
}

void MoveProgram::part_ended(const std::shared_ptr<Run>& run) {
  if (--run->parts > 0 || !run->owner) return;
  run->owner->run_.reset();
  run->ended(run->end);
}

}  // namespace virtsession::window
