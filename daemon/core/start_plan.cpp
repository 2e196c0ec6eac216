// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/start_plan.hpp"

#include "core/problem_list.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

namespace virtsession {
namespace {

using Index = std::size_t;

class Planner {
 public:
  explicit Planner(std::vector<StartNode> nodes) : nodes_(std::move(nodes)) {
    std::ranges::sort(nodes_,
                      [](const auto& a, const auto& b) { return std::tie(a.name, a.uuid) < std::tie(b.name, b.uuid); });
    for (Index i = 0; i < nodes_.size(); ++i) {
      by_uuid_.emplace(nodes_[i].uuid, i);
      by_name_.emplace(nodes_[i].name, i);
      planned_.push_back({nodes_[i].uuid, nodes_[i].order, 0, {}, {}});
    }
    edges_.resize(nodes_.size());
    problems_.resize(nodes_.size());
  }

  std::vector<PlannedStart> plan() {
    resolve_names();
    find_components();
    drop_cycles();
    pull_forward();
    number_waves();
    return in_order();
  }

 private:
  void resolve_names() {
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].starts) continue;
      for (std::size_t entry = 0; entry < nodes_[i].after.size(); ++entry) resolve(i, entry);
      std::ranges::sort(edges_[i]);
      edges_[i].erase(std::unique(edges_[i].begin(), edges_[i].end()), edges_[i].end());
    }
  }

  std::optional<Index> find(const std::string& name_or_uuid) const {
    if (const auto found = by_name_.find(name_or_uuid); found != by_name_.end()) return found->second;
    if (const auto found = by_uuid_.find(canonical_uuid(name_or_uuid)); found != by_uuid_.end()) return found->second;
    return std::nullopt;
  }

  void resolve(Index from, std::size_t entry) {
    const auto& wanted = nodes_[from].after[entry];
    const auto pointer = "/start_after/" + std::to_string(entry);
    const auto report = [&](ProblemCode code, std::string text, std::string suggestion) {
      problems_[from].add(Problem{pointer, std::move(text), std::move(suggestion), code});
    };
    const auto found = find(wanted);
    if (!found)
      return report(ProblemCode::unknown_vm, "start_after names \"" + wanted + "\", and there is no such VM", "");
    const auto to = *found;
    if (nodes_[to].active) return;
    if (!nodes_[to].starts)
      return report(ProblemCode::unmarked_vm, "start_after names \"" + wanted + "\", which is not marked to start",
                    "mark it with: virsh -c qemu:///session autostart " + wanted);
    edges_[from].push_back(to);
  }

  /// Tarjan's strongly connected components, with a stack of its own: a chain of thousands must not end the process.
  void find_components() {
    const auto count = nodes_.size();
    component_.assign(count, 0);
    std::vector<std::size_t> number(count, 0), low(count, 0), edge(count, 0);
    std::vector<bool> on_stack(count, false);
    std::vector<Index> stack, path;
    std::size_t next_number = 0;
    for (Index root = 0; root < count; ++root) {
      if (number[root] != 0) continue;
      path.push_back(root);
      while (!path.empty()) {
        const auto node = path.back();
        if (number[node] == 0) {
          number[node] = low[node] = ++next_number;
          stack.push_back(node);
          on_stack[node] = true;
        }
        if (edge[node] < edges_[node].size()) {
          const auto to = edges_[node][edge[node]];
          if (number[to] == 0) {
            path.push_back(to);
            continue;
          }
          if (on_stack[to]) low[node] = std::min(low[node], low[to]);
          ++edge[node];
          continue;
        }
        path.pop_back();
        if (low[node] != number[node]) continue;
        component_size_.push_back(0);
        for (;;) {
          const auto member = stack.back();
          stack.pop_back();
          on_stack[member] = false;
          component_[member] = component_size_.size() - 1;
          ++component_size_.back();
          topological_.push_back(member);  // what a VM waits for is complete before the VM is
          if (member == node) break;
        }
      }
    }
  }

  /// One way round, as far as a person reads it.
  std::string cycle_text(Index start) const {
    constexpr std::size_t most_names = 10;
    std::vector<Index> way{start};
    std::string text = "\"" + nodes_[start].name + "\"";
    for (;;) {
      const auto& edges = edges_[way.back()];
      const auto next = std::ranges::find_if(edges, [&](Index to) { return component_[to] == component_[start]; });
      if (next == edges.end()) return text;
      if (way.size() == most_names) return text + " -> ...";
      text += " -> \"" + nodes_[*next].name + "\"";
      if (std::ranges::find(way, *next) != way.end()) return text;
      way.push_back(*next);
    }
  }

  void drop_cycles() {
    for (Index i = 0; i < nodes_.size(); ++i) {
      const auto in_cycle = [&](Index to) {
        return component_[to] == component_[i] && (to == i || component_size_[component_[i]] > 1);
      };
      if (std::ranges::any_of(edges_[i], in_cycle))
        problems_[i].add(Problem{"/start_after", "start_after goes round in a circle: " + cycle_text(i),
                                 "take one of them out", ProblemCode::cycle});
    }
    for (Index i = 0; i < nodes_.size(); ++i)
      std::erase_if(edges_[i], [&](Index to) { return component_[to] == component_[i]; });
  }

  void pull_forward() {
    for (auto node = topological_.rbegin(); node != topological_.rend(); ++node)
      for (const auto to : edges_[*node]) planned_[to].order = std::min(planned_[to].order, planned_[*node].order);
  }

  void number_waves() {
    std::map<std::int64_t, std::vector<Index>> by_order;
    for (const auto node : topological_)
      if (nodes_[node].starts) by_order[planned_[node].order].push_back(node);
    std::uint32_t last = 0;
    for (const auto& [order, members] : by_order) {
      auto last_of_order = last;
      for (const auto node : members) {
        planned_[node].wave = last + 1;
        for (const auto to : edges_[node]) planned_[node].wave = std::max(planned_[node].wave, planned_[to].wave + 1);
        last_of_order = std::max(last_of_order, planned_[node].wave);
      }
      last = last_of_order;
    }
  }

  std::vector<PlannedStart> in_order() {
    std::vector<PlannedStart> result;
    for (Index i = 0; i < nodes_.size(); ++i) {
      if (!nodes_[i].starts) continue;
      for (const auto to : edges_[i]) planned_[i].after.push_back(nodes_[to].uuid);
      planned_[i].problems = problems_[i].take();
      result.push_back(std::move(planned_[i]));
    }
    std::ranges::stable_sort(result, {}, &PlannedStart::wave);  // by name already
    return result;
  }

  std::vector<StartNode> nodes_;  // by name
  std::unordered_map<std::string, Index> by_uuid_, by_name_;
  std::vector<std::vector<Index>> edges_;  // to what a VM waits for
  std::vector<std::size_t> component_, component_size_;
  std::vector<Index> topological_;  // what is waited for comes first
  std::vector<PlannedStart> planned_;
  std::vector<ProblemList> problems_;
};

}  // namespace

std::vector<PlannedStart> plan_starts(std::vector<StartNode> nodes) { return Planner(std::move(nodes)).plan(); }

}  // namespace virtsession
