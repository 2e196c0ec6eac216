// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bus/variant_json.hpp"

#include <array>

namespace virtsession::window {
namespace {

using nlohmann::json;

json texts_of(GVariant* row, const std::string& property) {
  using Names = std::array<const char*, 3>;
  const auto names = property == "Networks" ? Names{"type", "source", "mac"} : Names{"pointer", "text", "suggestion"};
  auto object = json::object();
  for (gsize i = 0; i < 3; ++i) {
    const char* text = nullptr;
    g_variant_get_child(row, i, "&s", &text);
    object[names[i]] = text;
  }
  return object;
}

json children_of(GVariant* value, const std::string& property) {
  const bool is_dictionary = g_variant_is_of_type(value, G_VARIANT_TYPE_DICTIONARY);
  auto result = is_dictionary ? json::object() : json::array();
  GVariantIter iterator;
  g_variant_iter_init(&iterator, value);
  while (GVariant* const child = g_variant_iter_next_value(&iterator)) {
    if (is_dictionary) {
      GVariant* const key = g_variant_get_child_value(child, 0);
      GVariant* const of_key = g_variant_get_child_value(child, 1);
      const auto name = json_of(key);
      if (name.is_string()) result[name.get<std::string>()] = json_of(of_key, name.get<std::string>());
      g_variant_unref(key);
      g_variant_unref(of_key);
    } else {
      result.push_back(json_of(child, property));
    }
    g_variant_unref(child);
  }
  return result;
}

}  // namespace

json json_of(GVariant* value, const std::string& property) {
  switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_BOOLEAN:
      return g_variant_get_boolean(value) != FALSE;
    case G_VARIANT_CLASS_BYTE:
      return g_variant_get_byte(value);
    case G_VARIANT_CLASS_INT16:
      return g_variant_get_int16(value);
    case G_VARIANT_CLASS_UINT16:
      return g_variant_get_uint16(value);
    case G_VARIANT_CLASS_INT32:
    case G_VARIANT_CLASS_HANDLE:
      return g_variant_get_int32(value);
    case G_VARIANT_CLASS_UINT32:
      return g_variant_get_uint32(value);
    case G_VARIANT_CLASS_INT64:
      return g_variant_get_int64(value);
    case G_VARIANT_CLASS_UINT64:
      return g_variant_get_uint64(value);
    case G_VARIANT_CLASS_DOUBLE:
      return g_variant_get_double(value);
    case G_VARIANT_CLASS_STRING:
    case G_VARIANT_CLASS_OBJECT_PATH:
    case G_VARIANT_CLASS_SIGNATURE:
      return g_variant_get_string(value, nullptr);
    case G_VARIANT_CLASS_VARIANT: {
      GVariant* const inner = g_variant_get_variant(value);
      auto result = json_of(inner, property);
      g_variant_unref(inner);
      return result;
    }
    case G_VARIANT_CLASS_TUPLE:
      if (!property.empty() && g_variant_is_of_type(value, G_VARIANT_TYPE("(sss)"))) return texts_of(value, property);
      return children_of(value, {});
    case G_VARIANT_CLASS_ARRAY:
      return children_of(value, property);
    case G_VARIANT_CLASS_MAYBE:
    case G_VARIANT_CLASS_DICT_ENTRY:
      break;
  }
  return {};
}

GVariant* variant_of(const json& value) {
  if (value.is_boolean()) return g_variant_new_boolean(value.get<bool>());
  if (value.is_number_integer()) return g_variant_new_int64(value.get<std::int64_t>());
  if (value.is_number()) return g_variant_new_double(value.get<double>());
  if (value.is_array()) {
    GVariantBuilder list;
    g_variant_builder_init(&list, G_VARIANT_TYPE_STRING_ARRAY);
    for (const auto& entry : value)
      if (entry.is_string()) g_variant_builder_add(&list, "s", entry.get<std::string>().c_str());
    return g_variant_builder_end(&list);
  }
  return g_variant_new_string(value.is_string() ? value.get<std::string>().c_str() : value.dump().c_str());
}

}  // namespace virtsession::window
