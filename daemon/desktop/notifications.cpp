// SPDX-License-Identifier: LGPL-2.1-or-later
#include "desktop/notifications.hpp"

#include "desktop/text.hpp"
#include "org.freedesktop.Notifications-proxy.hpp"
#include "util/bus_name.hpp"
#include "util/log.hpp"
#include "util/sdbus_compat.hpp"
#include "util/variant_map.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

namespace virtsession {

namespace {

constexpr auto kName = "org.freedesktop.Notifications";
constexpr auto kPath = "/org/freedesktop/Notifications";
constexpr auto kTryAgain = "try-again";
constexpr auto kDetails = "details";
// The server's word for a click on the notification itself.
constexpr auto kClick = "default";
// About what a bubble shows; the rest is behind "Show details".
constexpr std::size_t kBodyLimit = 300;
constexpr std::int32_t kServersOwnExpiry = -1;
// The window of virtsession, where it is installed.
constexpr auto kWindow = "org.virtsession.Window";
constexpr auto kWindowPath = "/org/virtsession/Window";

/// A VM's uuid, and what happened to it.
using Key = std::pair<std::string, Incident>;

enum class Urgency : std::uint8_t { low = 0, normal = 1, critical = 2 };

std::string summary_of(const Notice& notice) {
  const auto name = "\"" + notice.name + "\"";
  switch (notice.incident) {
    case Incident::gave_up:
      return "Gave up starting virtual machine " + name;
    case Incident::bad_policy:
      return "The policy of virtual machine " + name + " has errors";
    case Incident::start_failed:
      return "Virtual machine " + name + " failed to start";
    case Incident::crashed:
      return "Virtual machine " + name + " crashed";
    case Incident::not_ready:
      return "Virtual machine " + name + " did not get ready";
    case Incident::forced:
      return "Virtual machine " + name + " was ended by force";
    case Incident::stuck:
      return "Virtual machine " + name + " stands still";
    case Incident::phase:
    case Incident::started:
    case Incident::stopping:
    case Incident::stopped:
    case Incident::no_forward:
      break;
  }
  return "Virtual machine " + name;
}

/// Whether an error of the bus says that there is nobody to talk to (the D-Bus specification, "Standard errors").
bool is_absence(std::string_view error) {
  constexpr std::string_view kPrefix = "org.freedesktop.DBus.Error.";
  if (!error.starts_with(kPrefix)) return false;
  error.remove_prefix(kPrefix.size());
  return error == "ServiceUnknown" || error == "NameHasNoOwner" || error == "NoReply" || error == "Timeout" ||
         error == "Disconnected" || error.starts_with("Spawn.");
}

/// Critical is what stays on the screen until somebody has seen it: a VM that is down and stays so.
Urgency urgency_of(Incident incident) {
  return incident == Incident::gave_up || incident == Incident::crashed ? Urgency::critical : Urgency::normal;
}

}  // namespace

/// One call to the server at a time: so an answer needs no name of what it belongs to, and a burst of notices does not
/// look like an attack to a server that limits them.
class Notifications::Client final : private sdbus::ProxyInterfaces<org::freedesktop::Notifications_proxy> {
 public:
  Client(sdbus::IConnection& session_bus, NotificationActions actions)
      : ProxyInterfaces(session_bus, sdbus_compat::ServiceName(kName), sdbus::ObjectPath(kPath)),
        actions_(std::move(actions)),
        window_(sdbus::createProxy(session_bus, sdbus_compat::ServiceName(kWindow), sdbus::ObjectPath(kWindowPath))) {
    registerProxy();
    owner_match_ =
        watch_bus_name(session_bus, kName, [this](const std::string& old_owner, const std::string& new_owner) {
          owner_changed(!old_owner.empty(), !new_owner.empty());
        });
  }
  ~Client() { unregisterProxy(); }

  void show(const Notice& notice) {
    auto& entry = entries_[{notice.uuid, notice.incident}];
    if (entry.notice && entry.notice->text == notice.text && entry.notice->name == notice.name) return;
    entry.notice = notice;
    entry.details.reset();
    entry.to_send = true;
    server_absent_ = false;
    send_next();
  }

  void withdraw(const Key& key) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    const auto id = entry->second.id;
    entries_.erase(entry);
    close(id);
  }

  void set_enabled(bool enabled) {
    if (std::exchange(enabled_, enabled) == enabled) return;
    for (auto& [key, entry] : entries_) {
      if (enabled || entry.id == 0) continue;
      close(std::exchange(entry.id, 0));
      entry.to_send = true;
    }
    server_absent_ = false;
    send_next();
  }

 private:
  struct Entry {
    std::optional<Notice> notice;
    std::optional<std::string> details;  // shown in the place of the notice's text
    std::uint32_t id = 0;                // while the server shows it
    bool to_send = false;
  };

  void send_next() {
    while (enabled_ && !busy_ && !server_absent_) {
      const auto next = std::ranges::find_if(entries_, [](const auto& entry) { return entry.second.to_send; });
      if (next == entries_.end()) return;
      server_of_call_ = server_;
      try {
        if (!capabilities_) {
          GetCapabilities();
        } else {
          next->second.to_send = false;
          notify(next->second);
          in_call_ = next->first;
        }
        busy_ = true;
      } catch (const sdbus::Error& error) {
        // The bus is lost, or will not carry this text; neither gets better by another try.
        log::debug("Failed to notify the desktop: {}", error.getMessage());
        if (!capabilities_) return;
      }
    }
  }

  void notify(const Entry& entry) {
    const auto& notice = *entry.notice;
    auto body = entry.details ? displayable(*entry.details) : shortened(displayable(notice.text), kBodyLimit);
    // A server without markup would show the escapes.
    if (capabilities_->contains("body-markup")) body = escape_markup(body);
    std::vector<std::string> buttons;
    if (capabilities_->contains("actions")) {
      buttons.insert(buttons.end(), {kClick, "Show"});
      if (notice.incident == Incident::gave_up) buttons.insert(buttons.end(), {kTryAgain, "Try again"});
      if (!entry.details) buttons.insert(buttons.end(), {kDetails, "Show details"});
    }
    const auto urgency = urgency_of(notice.incident);
    const VariantMap hints{
        {"urgency", sdbus::Variant(static_cast<std::uint8_t>(urgency))},
        {"category", sdbus::Variant(std::string("x-virtsession.vm.error"))},
        {"desktop-entry", sdbus::Variant(std::string(kWindow))},
    };
    const auto icon = urgency == Urgency::critical ? "dialog-error" : "dialog-warning";
    Notify("virtsession", entry.id, icon, displayable(summary_of(notice)), body, buttons, hints, kServersOwnExpiry);
  }

  void close(std::uint32_t id) {
    if (id == 0) return;
    try {
      CloseNotification(id);
    } catch (const sdbus::Error& error) {
      log::debug("Failed to close a notification: {}", error.getMessage());
    }
  }

  /// \return whether the answer is of use: it is no error, and the server that gave it is there
  bool end_call(sdbus_compat::AsyncError error) {
    busy_ = false;
    const bool replaced = server_of_call_ != server_;
    if (!error && !replaced) return true;
    log::debug("The desktop shows no notification: {}", error ? error->getMessage() : "the server was replaced");
    // A server that is not there is not tried again before something changes; one that came meanwhile is.
    const bool absent = !replaced && (!capabilities_ || is_absence(error->getName()));
    server_absent_ = server_absent_ || absent;
    const auto entry = entries_.find(std::exchange(in_call_, {}));
    // What a server refuses is not sent again: it would only hold up the others.
    if (entry != entries_.end() && (replaced || absent)) entry->second.to_send = true;
    send_next();
    return false;
  }

  void onGetCapabilitiesReply(const std::vector<std::string>& capabilities, sdbus_compat::AsyncError error) override {
    if (!end_call(error)) return;
    capabilities_.emplace(capabilities.begin(), capabilities.end());
    send_next();
  }

  void onNotifyReply(const std::uint32_t& id, sdbus_compat::AsyncError error) override {
    if (!end_call(error)) return;
    const auto entry = entries_.find(std::exchange(in_call_, {}));
    if (entry == entries_.end()) {
      close(id);  // withdrawn meanwhile
    } else if (!enabled_) {
      close(id);
      entry->second.to_send = true;
    } else {
      entry->second.id = id;
    }
    send_next();
  }

  void onCloseNotificationReply(sdbus_compat::AsyncError) override {}  // closed by somebody else before, at worst

  void onNotificationClosed(const std::uint32_t& id, const std::uint32_t&) override {
    // The notice stays, so that it is not shown again while it says the same.
    if (const auto entry = find(id); entry != entries_.end()) entry->second.id = 0;
  }

  void onActionInvoked(const std::uint32_t& id, const std::string& action) override {
    const auto found = find(id);
    if (found == entries_.end()) return;
    auto& [key, entry] = *found;
    if (action == kTryAgain) {
      const auto uuid = key.first;
      withdraw(Key(key));
      if (actions_.try_again) actions_.try_again(uuid);
    } else if (action == kDetails) {
      show_details(key);
    } else if (action == kClick) {
      open_page(key);
    }
  }

  void onActivationToken(const std::uint32_t&, const std::string& token) override { token_ = token; }

  void show_details(const Key& key) {
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    auto text = actions_.details ? actions_.details(*entry->second.notice) : entry->second.notice->text;
    // The callback may have withdrawn it.
    const auto still = entries_.find(key);
    if (still == entries_.end()) return;
    still->second.details = std::move(text);
    still->second.to_send = true;
    send_next();
  }

  /// Opens the VM's page in the window. Where there is no window, a click shows the details.
  void open_page(const Key& key) {
    VariantMap platform;
    if (const auto token = std::exchange(token_, {}); !token.empty())
      platform.emplace("activation-token", sdbus::Variant(token));
    try {
      window_->callMethodAsync("ActivateAction")
          .onInterface("org.freedesktop.Application")
          .withArguments(std::string("show-machine"), std::vector<sdbus::Variant>{sdbus::Variant(key.first)}, platform)
          .uponReplyInvoke([this, key](sdbus_compat::AsyncError error) {
            if (error) show_details(key);
          });
    } catch (const sdbus::Error&) {
      show_details(key);
    }
  }

  /// A new server knows nothing of what the last one showed, and may give the same ids to others.
  void owner_changed(bool was_there, bool is_there) {
    if (was_there) {
      ++server_;
      capabilities_.reset();
      for (auto& [key, entry] : entries_) entry.id = 0;
    }
    if (!is_there) return;
    server_absent_ = false;
    send_next();
  }

  std::map<Key, Entry>::iterator find(std::uint32_t id) {
    return std::ranges::find_if(entries_, [&](const auto& entry) { return id != 0 && entry.second.id == id; });
  }

  NotificationActions actions_;
  std::unique_ptr<sdbus::IProxy> window_;
  std::string token_;  // of the click that follows
  sdbus::Slot owner_match_;
  std::map<Key, Entry> entries_;
  std::optional<std::set<std::string>> capabilities_;  // nothing: not asked since the server came
  bool enabled_ = false;
  bool server_absent_ = false;  // the last call failed
  bool busy_ = false;           // a call is under way
  Key in_call_;                 // what it is about, unless it asks for the capabilities
  std::uint64_t server_ = 0;    // goes up when a server goes
  std::uint64_t server_of_call_ = 0;
};

Notifications::Notifications(sdbus::IConnection& session_bus, NotificationActions actions)
    : client_(std::make_unique<Client>(session_bus, std::move(actions))) {}

Notifications::~Notifications() = default;

void Notifications::show(const Notice& notice) { client_->show(notice); }

void Notifications::withdraw(const WithdrawNotice& withdrawn) {
  client_->withdraw({withdrawn.uuid, withdrawn.incident});
}

void Notifications::set_enabled(bool enabled) { client_->set_enabled(enabled); }

}  // namespace virtsession
