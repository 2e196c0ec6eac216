// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libvirt/error.hpp"

#include "fixture.hpp"

#include <doctest/doctest.h>
#include <libvirt/virterror.h>

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
  CHECK(to_error(closed, client.get()).code == ErrorCode::operation_failed);
  CHECK(to_error({VIR_ERR_NO_CONNECT, VIR_FROM_NONE, "x"}, nullptr).code == ErrorCode::libvirt_unavailable);
}

TEST_CASE("without an error of libvirt's there still is a sentence") {
  virResetLastError();
  CHECK_FALSE(take_last_error().message.empty());
}
