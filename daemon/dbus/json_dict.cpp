// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dbus/json_dict.hpp"

#include "core/utf8.hpp"
#include "util/sdbus_compat.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace virtsession {
namespace {

using nlohmann::json;

template <class T>
void write(sdbus::Message& message, const char* type, const T& value) {
  message.openVariant(type);
  message << value;
  message.closeVariant();
}

void write_integer(sdbus::Message& message, const json& value) {
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > std::numeric_limits<std::int64_t>::max())
    return write(message, "t", value.get<std::uint64_t>());
  const auto number = value.get<std::int64_t>();
  const auto narrow = static_cast<std::int32_t>(number);
  if (narrow == number) return write(message, "i", narrow);
  write(message, "x", number);
}

std::vector<std::string> valid_strings(const json& list) {
  std::vector<std::string> strings;
  for (const auto& element : list) strings.push_back(valid_utf8(element.get_ref<const std::string&>()));
  return strings;
}

bool is_list_of_strings(const json& value) {
  return value.is_array() && std::ranges::all_of(value, [](const json& element) { return element.is_string(); });
}

void write_value(sdbus::Message& message, const json& value) {
  if (value.is_boolean()) return write(message, "b", value.get<bool>());
  if (value.is_number_integer()) return write_integer(message, value);
  if (value.is_number_float()) return write(message, "d", value.get<double>());
  if (value.is_string()) return write(message, "s", valid_utf8(value.get_ref<const std::string&>()));
  if (is_list_of_strings(value)) return write(message, "as", valid_strings(value));
  write(message, "s", valid_utf8(value.dump(-1, ' ', false, json::error_handler_t::replace)));
}

json read_value(sdbus::Message& message);

template <class T>
json read_basic(sdbus::Message& message) {
  T value{};
  message >> value;
  return value;
}

/// \param type of the elements
json read_array(sdbus::Message& message, const std::string& type) {
  const bool is_dictionary = type.starts_with('{');
  auto result = is_dictionary ? json::object() : json::array();
  if (!message.enterContainer(type.c_str()))
    return result;  // the end of a list of dictionaries, which asks for one more
  while (sdbus_compat::next_type(message).code != 0) {
    if (!is_dictionary) {
      result.push_back(read_value(message));
      continue;
    }
    message.enterDictEntry(type.substr(1, type.size() - 2).c_str());
    const auto key = read_value(message);
    auto value = read_value(message);
    message.exitDictEntry();
    if (key.is_string()) result[key.get_ref<const std::string&>()] = std::move(value);
  }
  message.exitContainer();
  return result;
}

json read_struct(sdbus::Message& message, const std::string& types) {
  auto members = json::array();
  message.enterStruct(types.c_str());
  while (sdbus_compat::next_type(message).code != 0) members.push_back(read_value(message));
  message.exitStruct();
  return members;
}

json read_value(sdbus::Message& message) {
  const auto type = sdbus_compat::next_type(message);
  switch (type.code) {
    case 'b':
      return read_basic<bool>(message);
    case 'y':
      return read_basic<std::uint8_t>(message);
    case 'n':
      return read_basic<std::int16_t>(message);
    case 'q':
      return read_basic<std::uint16_t>(message);
    case 'i':
      return read_basic<std::int32_t>(message);
    case 'u':
      return read_basic<std::uint32_t>(message);
    case 'x':
      return read_basic<std::int64_t>(message);
    case 't':
      return read_basic<std::uint64_t>(message);
    case 'd':
      return read_basic<double>(message);
    case 's':
      return read_basic<std::string>(message);
    case 'o': {
      sdbus::ObjectPath path;
      message >> path;
      return std::string(path);
    }
    case 'a':
      return read_array(message, type.contents);
    case 'r':
      return read_struct(message, type.contents);
    case 'v': {
      message.enterVariant(type.contents.c_str());
      auto value = read_value(message);
      message.exitVariant();
      return value;
    }
    case 'g': {
      sdbus::Signature signature;
      message >> signature;
      return nullptr;
    }
    default:  // 'h'
      sdbus::UnixFd handle;
      message >> handle;
      return nullptr;
  }
}

}  // namespace

sdbus::Message& operator>>(sdbus::Message& message, JsonDict& dict) {
  dict.value_ = read_array(message, "{sv}");
  return message;
}

sdbus::Message& operator<<(sdbus::Message& message, const JsonDict& dict) {
  message.openContainer("{sv}");
  const auto& object = *dict.value_;
  for (auto entry = object.begin(); object.is_object() && entry != object.end(); ++entry) {
    if (entry->is_null()) continue;
    message.openDictEntry("sv");
    message << valid_utf8(entry.key());
    write_value(message, *entry);
    message.closeDictEntry();
  }
  message.closeContainer();
  return message;
}

}  // namespace virtsession
