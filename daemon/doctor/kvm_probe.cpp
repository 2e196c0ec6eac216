// SPDX-License-Identifier: LGPL-2.1-or-later
#include "doctor/kvm_probe.hpp"

#include "doctor/child_process.hpp"
#include "util/unique_fd.hpp"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/kvm.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

namespace virtsession {
namespace {

constexpr std::size_t kPage = 4096;
constexpr std::uint64_t kGuestAddress = 0x1000;
constexpr int kReport = 3;

/// The child's words: each step as it begins, then an errno, which is 0 at the end.
struct ProbeMessage {
  KvmStep step;
  int error;
};

// From here to probe_in_child() this is a child of a process with threads: system calls only, and no allocation.

void tell(KvmStep step, int error) {
  const ProbeMessage message{step, error};
  static_cast<void>(!write(kReport, &message, sizeof message));
}

[[noreturn]] void end(KvmStep step, int error) {
  tell(step, error);
  _exit(0);
}

#if defined(__x86_64__)

/// \return 0 or an errno
int run_guest(int kvm, int vm, int cpu, std::span<const unsigned char> guest) {
  void* memory = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return errno;
  std::copy_n(guest.begin(), std::min(guest.size(), kPage), static_cast<unsigned char*>(memory));
  kvm_userspace_memory_region region{0, 0, kGuestAddress, kPage, reinterpret_cast<std::uint64_t>(memory)};
  if (ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region) < 0) return errno;

  const int size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < 0) return errno;
  void* shared = mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED, cpu, 0);
  if (shared == MAP_FAILED) return errno;
  kvm_sregs segments;
  if (ioctl(cpu, KVM_GET_SREGS, &segments) < 0) return errno;
  segments.cs.base = 0;
  segments.cs.selector = 0;
  if (ioctl(cpu, KVM_SET_SREGS, &segments) < 0) return errno;
  kvm_regs registers{};
  registers.rip = kGuestAddress;
  registers.rflags = 2;  // the bit that is always set
  if (ioctl(cpu, KVM_SET_REGS, &registers) < 0) return errno;
  if (ioctl(cpu, KVM_RUN, 0) < 0) return errno;
  return static_cast<kvm_run*>(shared)->exit_reason == KVM_EXIT_HLT ? 0 : EIO;
}

#else

// A guest for each architecture would be more than a check is worth: a VM with a CPU was made, which is what fails.
int run_guest(int, int, int, std::span<const unsigned char>) { return 0; }

#endif

[[noreturn]] void probe_in_child(const char* device, std::span<const unsigned char> guest) {
  tell(KvmStep::open, 0);
  const int kvm = open(device, O_RDWR | O_CLOEXEC);
  if (kvm < 0) end(KvmStep::open, errno);
  tell(KvmStep::create, 0);
  if (const int version = ioctl(kvm, KVM_GET_API_VERSION, 0); version != KVM_API_VERSION)
    end(KvmStep::create, version < 0 ? errno : ENOSYS);
  const int vm = ioctl(kvm, KVM_CREATE_VM, 0);
  if (vm < 0) end(KvmStep::create, errno);
  const int cpu = ioctl(vm, KVM_CREATE_VCPU, 0);
  if (cpu < 0) end(KvmStep::create, errno);
  tell(KvmStep::run, 0);
  if (const int error = run_guest(kvm, vm, cpu, guest)) end(KvmStep::run, error);
  end(KvmStep::done, 0);
}

/// \return the next message, or nothing when there is none by then
std::optional<ProbeMessage> next_message(int fd, std::chrono::steady_clock::time_point deadline) {
  while (true) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    pollfd readable{fd, POLLIN, 0};
    const int ready = poll(&readable, 1, std::max(0, static_cast<int>(left.count())));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return std::nullopt;
    ProbeMessage message{};
    // Written at once, and smaller than what a pipe splits.
    if (read(fd, &message, sizeof message) != sizeof message) return std::nullopt;
    return message;
  }
}

}  // namespace

KvmProbe probe_kvm(const std::string& device, std::chrono::milliseconds limit, std::span<const unsigned char> guest) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) return {KvmStep::open, errno, false};
  const UniqueFd output(ends[0]);
  UniqueFd input(ends[1]);
  const pid_t parent = getpid();
  // Without the handlers of pthread_atfork(3), which may wait for a thread that is not there.
  const pid_t pid = _Fork();
  if (pid < 0) return {KvmStep::open, errno, false};
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    // A child that the kernel keeps must hold nothing of ours: a bus connection, a lock.
    dup2(input.get(), kReport);
    close_range(kReport + 1, ~0U, 0);
    close_range(0, kReport - 1, 0);
    probe_in_child(device.c_str(), guest);
  }
  input.reset();
  const ChildProcess child(pid);
  KvmProbe probe;
  while (true) {
    const auto message = next_message(output.get(), deadline);
    if (!message) {
      probe.hangs = std::chrono::steady_clock::now() >= deadline;
      if (!probe.hangs) probe.error = EIO;  // it died
      return probe;
    }
    probe.step = message->step;
    probe.error = message->error;
    if (probe.error != 0 || probe.step == KvmStep::done) return probe;
  }
}

}  // namespace virtsession
