// SPDX-License-Identifier: LGPL-2.1-or-later
#include "translate.hpp"

#include "util/build_config.hpp"

#include <langinfo.h>
#include <libintl.h>

#include <clocale>
#include <cstdlib>
#include <string_view>

namespace virtsession::texts {
namespace {

constexpr const char* kDomain = "virtsession";

}  // namespace

void init_translations() {
  std::setlocale(LC_ALL, "");
  // Names are UTF-8 whatever the locale says.
  if (std::string_view(nl_langinfo(CODESET)) != "UTF-8") std::setlocale(LC_CTYPE, "C.UTF-8");
  const char* const folder = std::getenv("VIRTSESSION_LOCALE_DIR");
  bindtextdomain(kDomain, folder ? folder : build::kLocaleFolder);
  bind_textdomain_codeset(kDomain, "UTF-8");
}

const char* _(const char* text) { return dgettext(kDomain, text); }

const char* ngettext_(const char* one, const char* many, unsigned long number) {
  return dngettext(kDomain, one, many, number);
}

}  // namespace virtsession::texts
