// SPDX-License-Identifier: LGPL-2.1-or-later
#include "kill_at.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

namespace virtsession::test {
namespace {

bool is_change(std::uint64_t number, std::uint64_t flags_of_openat) {
  switch (number) {
#ifdef SYS_unlink
    case SYS_unlink:
    case SYS_rename:
    case SYS_rmdir:
    case SYS_link:
    case SYS_mkdir:
#endif
    case SYS_unlinkat:
    case SYS_renameat:
    case SYS_renameat2:
    case SYS_linkat:
    case SYS_mkdirat:
    case SYS_ftruncate:
    case SYS_pwrite64:
      return true;
    case SYS_openat:
      return (flags_of_openat & O_CREAT) != 0;
    default:
      return false;
  }
}

pid_t run_apart(const std::function<int()>& work) {
  const pid_t pid = fork();
  if (pid < 0) throw std::runtime_error("fork failed");
  if (pid == 0) _exit(work());
  return pid;
}

int wait_for(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw std::runtime_error("waitpid failed");
  return status;
}

bool is_about_to_change(pid_t pid) {
  __ptrace_syscall_info info{};
  if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof info, &info) < 0)
    throw std::runtime_error("ptrace cannot tell the system call");
  return info.op == PTRACE_SYSCALL_INFO_ENTRY && is_change(info.entry.nr, info.entry.args[2]);
}

}  // namespace

bool kill_at_change(int nth, const std::function<void()>& work) {
  const pid_t pid = run_apart([&] {
    if (ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) < 0) return 1;
    raise(SIGSTOP);
    work();
    return 0;
  });
  int status = wait_for(pid);
  if (!WIFSTOPPED(status)) throw std::runtime_error("no process can be traced here");
  ptrace(PTRACE_SETOPTIONS, pid, nullptr, PTRACE_O_EXITKILL | PTRACE_O_TRACESYSGOOD);
  for (int handed_on = 0; ptrace(PTRACE_SYSCALL, pid, nullptr, handed_on) == 0;) {
    status = wait_for(pid);
    if (!WIFSTOPPED(status)) return false;
    const bool is_call = WSTOPSIG(status) == (SIGTRAP | 0x80);
    handed_on = is_call ? 0 : WSTOPSIG(status);
    if (!is_call || !is_about_to_change(pid) || --nth > 0) continue;
    kill(pid, SIGKILL);
    wait_for(pid);
    return true;
  }
  throw std::runtime_error("a process that is traced was lost");
}

bool without_renameat2(const std::function<bool()>& work) {
  const int status = wait_for(run_apart([&] {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    sock_fprog program{sizeof filter / sizeof filter[0], filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
      return 2;
    return work() ? 0 : 1;
  }));
  if (WIFEXITED(status) && WEXITSTATUS(status) == 2) throw std::runtime_error("there is no seccomp here");
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace virtsession::test
