// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "desktop_bus.hpp"
#include "org.gnome.Shell.SearchProvider2-adaptor.hpp"
#include "org.kde.krunner1-adaptor.hpp"
#include "util/variant_map.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace virtsession::search {

/// The object that GNOME Shell and KRunner call. Loop's thread only; loop and connection outlive it.
class SearchObject final
    : public sdbus::AdaptorInterfaces<org::gnome::Shell::SearchProvider2_adaptor, org::kde::krunner1_adaptor> {
 public:
  SearchObject(EventLoop& loop, sdbus::IConnection& connection);
  ~SearchObject();
  SearchObject(const SearchObject&) = delete;
  SearchObject& operator=(const SearchObject&) = delete;

  /// \return whether something that was asked for has not ended
  bool is_busy() const { return bus_.is_busy(); }

  /// Called at each call.
  std::function<void()> on_use = [] {};

 private:
  using Texts = std::vector<std::string>;
  using KdeActions = std::vector<sdbus::Struct<std::string, std::string, std::string>>;
  using KdeMatches =
      std::vector<sdbus::Struct<std::string, std::string, std::string, std::int32_t, double, VariantMap>>;

  void GetInitialResultSet(sdbus::Result<Texts>&& result, Texts terms) override;
  void GetSubsearchResultSet(sdbus::Result<Texts>&& result, Texts previous, Texts terms) override;
  void GetResultMetas(sdbus::Result<std::vector<VariantMap>>&& result, Texts ids) override;
  void ActivateResult(const std::string& id, const Texts& terms, const std::uint32_t& timestamp) override;
  void LaunchSearch(const Texts& terms, const std::uint32_t& timestamp) override;

  KdeActions Actions() override;
  void Match(sdbus::Result<KdeMatches>&& result, std::string query) override;
  void Run(const std::string& match_id, const std::string& action_id) override;
  void SetActivationToken(const std::string& token) override;

  DesktopBus bus_;
  std::string token_;  // of KRunner, for the Run that follows
};

}  // namespace virtsession::search
