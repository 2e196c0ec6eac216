// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "machine_view.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace virtsession::window {

/// What kind of row a key gets.
enum class FieldKind {
  choice,   ///< one of `choices`
  toggle,   ///< true or false
  integer,  ///< a whole number, from minimum to maximum
  number,   ///< any number, likewise
  text,     ///< one line
  list,     ///< texts with commas between them
  order,    ///< some of `choices`, in an order
};

/// One key of the policy, as the installed schema has it.
struct Field {
  std::string key;
  std::string title;        ///< in the user's language
  std::string description;  ///< the schema's, English
  FieldKind kind = FieldKind::text;
  std::vector<std::string> choices;
  double minimum = 0, maximum = 0;
  bool may_be_unset = false;  ///< null is a value: systemd's or virtsession's own choice
  nlohmann::json built_in;
};

/// Keys that belong together, with a title.
struct FieldGroup {
  std::string title;
  std::vector<Field> fields;
};

/// The form for a policy. A key that only a later virtsession has is there, with a title made of its name.
/// \param schema the text of config.schema.json \return nothing when it is none
std::vector<FieldGroup> policy_form(const std::string& schema);

/// Where a value comes from.
enum class Source { machine, configuration, built_in };

/// A field for one VM.
struct FieldState {
  nlohmann::json value;
  Source source = Source::built_in;

  bool operator==(const FieldState&) const = default;
};
FieldState state_of(const Field& field, const VmInfo& vm);

/// "Set for this machine", "From the configuration", "Default"
std::string source_text(Source source);

/// A choice in the user's language, "Shut down", or as it is when it has no name here.
std::string choice_text(const std::string& key, const std::string& choice);

/// A value as a person reads or writes it: "5", "web, db".
std::string value_text(const nlohmann::json& value);

/// What was written into a row of the kind text or list, or of a number that may be unset.
/// \return nothing when it is not of the field's kind
std::optional<nlohmann::json> parse_value(const Field& field, const std::string& text);

}  // namespace virtsession::window
