// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <nlohmann/json.hpp>

#include <memory>
#include <utility>

namespace virtsession {

/// A JSON value that nobody changes, so that many may have the same one. A copy costs a pointer, and two copies of one
/// are compared as fast.
class SharedJson {
 public:
  SharedJson() : value_(empty()) {}
  SharedJson(nlohmann::json value) : value_(std::make_shared<const nlohmann::json>(std::move(value))) {}

  const nlohmann::json& operator*() const { return *value_; }
  const nlohmann::json* operator->() const { return value_.get(); }
  const nlohmann::json& operator[](const char* key) const { return value_->at(key); }
  bool operator==(const SharedJson& other) const { return value_ == other.value_ || *value_ == *other.value_; }

 private:
  static std::shared_ptr<const nlohmann::json> empty() {
    static const auto object = std::make_shared<const nlohmann::json>(nlohmann::json::object());
    return object;
  }

  std::shared_ptr<const nlohmann::json> value_;
};

}  // namespace virtsession
