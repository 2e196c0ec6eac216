// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <fmt/format.h>

#include <string>

/// Texts of the programs on the desktop, in the user's language (gettext). Words that gettext's tools look for have
/// their usual short names. From any thread, once init_translations() has returned.
namespace virtsession::texts {

/// Sets the locale of the process and where its translations are (VIRTSESSION_LOCALE_DIR, else where they are
/// installed). Once, before there are threads.
void init_translations();

/// A text in the user's language. \param text English, as in the source
const char* _(const char* text);

/// The form for that number of things.
const char* ngettext_(const char* one, const char* many, unsigned long number);

/// A text that is translated later, by _().
constexpr const char* N_(const char* text) { return text; }

/// Two forms that are translated later, by ngettext_().
struct Plural {
  const char* one;
  const char* many;
};
constexpr Plural NP_(const char* one, const char* many) { return {one, many}; }
inline const char* ngettext_(const Plural& text, unsigned long number) {
  return ngettext_(text.one, text.many, number);
}

/// A translated text with its blanks filled: filled(_("Start “{}”"), name). A translation with other blanks than the
/// source stays as it is.
template <class... Values>
std::string filled(const char* text, const Values&... values) {
  try {
    return fmt::vformat(text, fmt::make_format_args(values...));
  } catch (const fmt::format_error&) {
    return text;
  }
}

}  // namespace virtsession::texts
