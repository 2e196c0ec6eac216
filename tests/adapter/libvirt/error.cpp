// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/error.hpp"

#include "fixture.hpp"

#include <doctest/doctest.h>
#include <libvirt/virterror.h>

#include <cerrno>
#include <string>

using namespace virtsession;
using namespace virtsession::test;

TEST_CASE("errors are copied in libvirt's own words and classified by their code") {
  const Fixture fixture;  // libvirt is initialised, and silent
  const OtherClient client;

  CHECK_FALSE(DomainPtr(virDomainLookupByName(client.get(), "no such thing")));
  const LibvirtError missing = take_last_error();
  CHECK(is_no_domain(missing));
  CHECK(missing.message.find("Domain not found") != std::string::npos);
  CHECK(to_error(missing, client.get()) == Error{ErrorCode::no_such_vm, missing.message});
  CHECK_FALSE(virGetLastError());

  CHECK(virConnectSetKeepAlive(client.get(), 5, 5) < 0);
  CHECK(last_error(client.get()).code == ErrorCode::not_supported);

  const DomainPtr running(virDomainLookupByName(client.get(), "test"));
  CHECK(virDomainCreate(running.get()) < 0);
  const Error refused = last_error(client.get());
  CHECK(refused.code == ErrorCode::operation_failed);
  CHECK(refused.message.find("is already running") != std::string::npos);
}

TEST_CASE("a lost connection is known by the error's domain, not by its code") {
  const Fixture fixture;
  const OtherClient client;
  const LibvirtError closed{VIR_ERR_INTERNAL_ERROR, VIR_FROM_RPC, "internal error: client socket is closed"};
  CHECK(to_error(closed, nullptr) == Error{ErrorCode::libvirt_unavailable, closed.message});
  // The same code from elsewhere; and the daemon's own trouble with virtlogd, told over a connection that lives.
  CHECK(to_error({VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, "x"}, nullptr).code == ErrorCode::operation_failed);
  CHECK(to_error(closed, client.get()) == Error{ErrorCode::operation_failed, closed.message, true, true});
  const auto of_helper = [&](const char* text, int system_error) {
    return to_error({VIR_ERR_SYSTEM_ERROR, VIR_FROM_RPC, text, system_error}, client.get()).of_helper;
  };
  CHECK(of_helper("End of file while reading data: Input/output error", EIO));
  CHECK(of_helper("Cannot write data: Broken pipe", EPIPE));
  CHECK(of_helper("Cannot recv data: Connection reset by peer", ECONNRESET));
  CHECK(of_helper("Failed to connect socket to '/run/user/1000/libvirt/virtlogd-sock': Connection refused",
                  ECONNREFUSED));
  CHECK_FALSE(
      of_helper("Failed to connect socket to '/run/user/1000/libvirt/virtstoraged-sock': No such file", ENOENT));
  CHECK(to_error({VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "x"}, nullptr).code == ErrorCode::libvirt_unavailable);
}

TEST_CASE("what a retry of a start cannot mend is known by its code, and where that says nothing by its words") {
  const auto again = [](int code, int domain, const char* text, int system_error = 0) {
    return to_error({code, domain, text, system_error}, nullptr).retry_helps;
  };
  CHECK_FALSE(again(VIR_ERR_CONFIG_UNSUPPORTED, VIR_FROM_QEMU,
                    "unsupported configuration: virtiofs is not yet supported in session mode"));
  CHECK_FALSE(again(VIR_ERR_SYSTEM_ERROR, VIR_FROM_QEMU,
                    "Cannot check QEMU binary /usr/bin/q: No such file or directory", ENOENT));
  CHECK_FALSE(again(VIR_ERR_SYSTEM_ERROR, VIR_FROM_TPM, "Unable to find 'swtpm' binary in $PATH", ENOENT));
  CHECK_FALSE(again(VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, "internal error: UNIX socket path '/home/x' too long"));
  CHECK_FALSE(again(VIR_ERR_INTERNAL_ERROR, VIR_FROM_NONE, "internal error: Did not find USB device 046d:c52b"));
  CHECK(again(VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU, "internal error: process exited while connecting to monitor"));
  CHECK(again(VIR_ERR_SYSTEM_ERROR, VIR_FROM_QEMU, "cannot fork child process", EAGAIN));
  CHECK(again(VIR_ERR_OPERATION_INVALID, VIR_FROM_QEMU, "Requested operation is not valid"));
}

TEST_CASE("without an error of libvirt's there still is a sentence") {
  virResetLastError();
  CHECK_FALSE(take_last_error().message.empty());
}

TEST_CASE("a start that a client ended is known by the sender of the signal, which QEMU names") {
  const auto code = [](const std::string& words) {
    return to_error({VIR_ERR_INTERNAL_ERROR, VIR_FROM_QEMU,
                     "internal error: qemu unexpectedly closed the monitor: " + words},
                    nullptr)
        .code;
  };
  const std::string signal = "2026-01-01T10:00:00.1Z qemu-system-x86_64: terminating on signal 15 from pid 1234 ";
  CHECK(code(signal + "(/usr/sbin/libvirtd)") == ErrorCode::interrupted);
  CHECK(code(signal + "(virtqemud)") == ErrorCode::interrupted);
  CHECK(code(signal + "(/bin/sh)") == ErrorCode::operation_failed);
  CHECK(code(signal + "(/home/ann/not-libvirtd-but)") == ErrorCode::operation_failed);
  CHECK(code("could not open disk image") == ErrorCode::operation_failed);
}
