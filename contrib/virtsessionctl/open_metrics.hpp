// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "vm_info.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace virtsession::ctl {

/// Text in the format of OpenMetrics 1.0 that the textfile collector of Prometheus' node_exporter reads as well. That
/// collector knows the older text format, for which the types "info" and "stateset" are mistakes, so that it would drop
/// the whole file. Both are therefore gauges of 1 and 0 here, as kube-state-metrics has them.
class OpenMetrics {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  /// \param common labels of every sample; valid UTF-8, as are all texts here
  explicit OpenMetrics(Labels common) : common_(std::move(common)) {}

  /// Begins a metric, whose samples follow. A name that ends with "_seconds" has that unit.
  /// @{
  void gauge(std::string_view name, std::string_view help);
  /// \param name without "_total", which its samples have
  void counter(std::string_view name, std::string_view help);
  /// @}
  /// A sample of the metric that was begun last.
  /// @{
  void sample(const Labels& labels, std::uint64_t value);
  /// \param usec microseconds, shown in seconds
  void sample_of_usec(const Labels& labels, std::uint64_t usec);
  /// @}

  /// The whole, which nothing can follow.
  std::string finish() &&;

 private:
  void begin(std::string_view name, std::string_view type, std::string_view help);
  void line(const Labels& labels, std::string_view value);

  Labels common_;
  std::string sample_name_;
  std::string text_;
};

/// What virtsessiond shows at one time.
struct Overview {
  Properties manager;
  std::vector<VmInfo> vms;
};

/// The metrics of one user's virtsessiond and VMs. All have the label "user", so that the files of several users can be
/// in one folder. \param seen nothing when virtsessiond does not run or does not answer
std::string metrics_of(const std::string& user, const std::optional<Overview>& seen);

}  // namespace virtsession::ctl
