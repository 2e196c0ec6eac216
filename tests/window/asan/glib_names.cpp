// SPDX-License-Identifier: LGPL-2.1-or-later
// Part of the window that is built with the address sanitizer. GLib forgets its first table of names when there are
// more than fit in, on purpose: others may look into it without a lock. Who made it cannot be told in lsan.supp, since
// GLib is built without frame pointers; but it is made before the window's own code runs.
#include <cstddef>

extern "C" void __lsan_ignore_object(const void* object);

namespace {

constexpr std::size_t kTable = 2048 * sizeof(char*);  // QUARK_BLOCK_SIZE in gquark.c
bool libraries_are_loaded = false;

[[gnu::constructor]] void note_libraries() { libraries_are_loaded = true; }

}  // namespace

/// Called by the sanitizer after each allocation, in its thread.
extern "C" void __sanitizer_malloc_hook(const volatile void* object, std::size_t size) {
  if (!libraries_are_loaded && size == kTable) __lsan_ignore_object(const_cast<const void*>(object));
}
