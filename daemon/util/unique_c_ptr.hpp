// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include <memory>

namespace virtsession {

/// Calls a C function as a deleter; the function is part of the type, so the pointer stays one word.
template <auto Free>
struct CallToFree {
  template <class T>
  void operator()(T* pointer) const noexcept {
    static_cast<void>(Free(pointer));
  }
};

template <class T, auto Free>
using UniqueCPtr = std::unique_ptr<T, CallToFree<Free>>;

}  // namespace virtsession
