// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

/// MESSAGE_ID= of journal entries that other programs may look for: journalctl --user MESSAGE_ID=... They are never
/// changed. Entries about a VM carry VIRTSESSION_VM= (its name) and VIRTSESSION_VM_UUID= as well.
namespace virtsession::message_id {

inline constexpr const char* kVmStarted = "5b9413ab718d4b74b11c8fd959fe3e54";
inline constexpr const char* kVmStartFailed = "3f8a73f5991b426192f49155440bd403";
inline constexpr const char* kVmCrashed = "88b1b512f59448a8b2b72dc700cc9aed";
inline constexpr const char* kVmGaveUp = "8db375262ab84a7aa05db4b1cda8cee8";
inline constexpr const char* kVmNotReady = "6de9d3a55a6546ebb69d04eab0ac2500";
inline constexpr const char* kVmBadPolicy = "a0aaa3aaeb644fa6bdac6251fbf90af6";
inline constexpr const char* kStopBegun = "a418aac0c3d84995a9fe36774b681a35";
inline constexpr const char* kStopEnded = "8efe53479c4c48eaa8dd8b6c71c9c147";
inline constexpr const char* kVmStuck = "66dfeab0a2834a41afbc60a7ba46b601";
inline constexpr const char* kVmNoForward = "dd8991750b9343dd9ef3b2e94b300582";
inline constexpr const char* kVmForced = "3146d0f31f2648e2b856fd57ce40fb4c";
inline constexpr const char* kLibvirtLost = "20eb6363272248b9a4bb3328f338c898";
inline constexpr const char* kLibvirtBack = "1f55c69749834392bd10700fd6e1739f";
inline constexpr const char* kTakeOver = "bb43d46258d144c7bca8d2dc1ce66818";

}  // namespace virtsession::message_id
