// SPDX-License-Identifier: LGPL-2.1-or-later
#pragma once

#include "util/sdbus_compat.hpp"

#include <systemd/sd-bus.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// sdbus_compat for objects that sdbus-c++ does not keep itself: what its generated adaptors register, and its
/// messages.
namespace virtsession::sdbus_compat {

struct Method {
  std::string name, inputs, outputs;
  std::vector<std::string> input_names, output_names;
  sdbus::method_callback call;
  sdbus::Flags flags;
};

struct Property {
  std::string name, type;
  sdbus::property_get_callback get;
  sdbus::property_set_callback set;  ///< nothing when it is read-only
  sdbus::Flags flags;
};

/// The bus of a connection, and its messages as those of sdbus-c++. On the connection's thread; that outlives it.
class RawBus {
 public:
  explicit RawBus(sdbus::IConnection& connection) {
    // Only a message knows both.
    const auto object = sdbus::createObject(connection, sdbus::ObjectPath("/"));
    const auto message = signal_of(*object);
    owner_ = Opened::owner(message);
    bus_ = sd_bus_message_get_bus(static_cast<sd_bus_message*>(Opened::raw(message)));
  }
  sd_bus* get() const { return bus_; }
  template <class Message>
  Message wrap(sd_bus_message* raw) const {
    return Wrapped<Message>(raw, owner_);
  }

 private:
#if VIRTSESSION_SDBUS_2
  using Owner = sdbus::internal::IConnection;
  struct Opened : sdbus::Message {
    static void* raw(const sdbus::Message& message) { return message.*(&Opened::msg_); }
    static Owner* owner(const sdbus::Message& message) { return message.*(&Opened::connection_); }
  };
  static sdbus::Signal signal_of(sdbus::IObject& object) {
    return object.createSignal(sdbus::InterfaceName("org.virtsession.None"), sdbus::SignalName("None"));
  }
#else
  using Owner = sdbus::internal::ISdBus;
  struct Opened : sdbus::Message {
    static void* raw(const sdbus::Message& message) { return message.*(&Opened::msg_); }
    static Owner* owner(const sdbus::Message& message) { return message.*(&Opened::sdbus_); }
  };
  static sdbus::Signal signal_of(sdbus::IObject& object) { return object.createSignal("org.virtsession.None", "None"); }
#endif
  template <class Message>
  struct Wrapped : Message {
    Wrapped(sd_bus_message* raw, Owner* owner) : Message(static_cast<void*>(raw), owner) {}
  };

  Owner* owner_ = nullptr;
  sd_bus* bus_ = nullptr;
};

/// An object for a generated adaptor. It keeps what the adaptor registers, and the class that derives from it uses
/// that.
class RecordingObject : public sdbus::IObject {
 public:
  RecordingObject(sdbus::IConnection& connection, std::string path) : connection_(connection), path_(std::move(path)) {}

 protected:
  std::vector<Method> methods_;
  std::vector<Property> properties_;
  /// What is being handled; nothing outside a handler.
  const sdbus::Message* message_ = nullptr;

  virtual void emit_changed(const char* interface, const std::vector<std::string>& names) = 0;
  virtual void emit_added() = 0;
  virtual void emit_removed() = 0;

 private:
  [[noreturn]] static void refuse() { throw std::logic_error("not possible with an object that is one of many"); }

  void emitInterfacesAddedSignal() override { emit_added(); }
  void emitInterfacesRemovedSignal() override { emit_removed(); }
  sdbus::IConnection& getConnection() const override { return connection_; }
  void addObjectManager() override { refuse(); }
  void unregister() override { refuse(); }
  void emitSignal(const sdbus::Signal&) override { refuse(); }

#if VIRTSESSION_SDBUS_2
  using Interface = sdbus::InterfaceName;
  using Items = std::vector<sdbus::VTableItem>;
  void add(sdbus::MethodVTableItem item) {
    methods_.push_back({item.name, item.inputSignature, item.outputSignature, std::move(item.inputParamNames),
                        std::move(item.outputParamNames), std::move(item.callbackHandler), item.flags});
  }
  void add(sdbus::PropertyVTableItem item) {
    properties_.push_back({item.name, item.signature, std::move(item.getter), std::move(item.setter), item.flags});
  }
  void add(const sdbus::SignalVTableItem&) { refuse(); }
  void add(const sdbus::InterfaceFlagsVTableItem&) { refuse(); }
  void addVTable(Interface, Items items) override {
    for (auto& item : items) std::visit([this](auto& each) { add(std::move(each)); }, item);
  }
  sdbus::Slot addVTable(Interface, Items, sdbus::return_slot_t) override { refuse(); }
  void emitPropertiesChangedSignal(const Interface& interface, const std::vector<sdbus::PropertyName>& names) override {
    emit_changed(interface.c_str(), {names.begin(), names.end()});
  }
  void emitPropertiesChangedSignal(const char*, const std::vector<sdbus::PropertyName>&) override { refuse(); }
  void emitPropertiesChangedSignal(const Interface&) override { refuse(); }
  void emitPropertiesChangedSignal(const char*) override { refuse(); }
  void emitInterfacesAddedSignal(const std::vector<Interface>&) override { refuse(); }
  void emitInterfacesRemovedSignal(const std::vector<Interface>&) override { refuse(); }
  sdbus::Slot addObjectManager(sdbus::return_slot_t) override { refuse(); }
  const sdbus::ObjectPath& getObjectPath() const override { return path_; }
  struct NoMessage : sdbus::Message {};
  sdbus::Message getCurrentlyProcessedMessage() const override { return message_ ? *message_ : NoMessage(); }
  sdbus::Signal createSignal(const Interface&, const sdbus::SignalName&) const override { refuse(); }
  sdbus::Signal createSignal(const char*, const char*) const override { refuse(); }
#else
  using Text = std::string;
  using Texts = std::vector<std::string>;
  void registerMethod(const Text&, Text name, Text in, Text out, sdbus::method_callback call,
                      sdbus::Flags flags) override {
    methods_.push_back({std::move(name), std::move(in), std::move(out), {}, {}, std::move(call), flags});
  }
  void registerMethod(const Text&, Text name, Text in, const Texts& in_names, Text out, const Texts& out_names,
                      sdbus::method_callback call, sdbus::Flags flags) override {
    methods_.push_back({std::move(name), std::move(in), std::move(out), in_names, out_names, std::move(call), flags});
  }
  void registerProperty(const Text&, Text name, Text type, sdbus::property_get_callback get,
                        sdbus::Flags flags) override {
    properties_.push_back({std::move(name), std::move(type), std::move(get), {}, flags});
  }
  void registerProperty(const Text&, Text name, Text type, sdbus::property_get_callback get,
                        sdbus::property_set_callback set, sdbus::Flags flags) override {
    properties_.push_back({std::move(name), std::move(type), std::move(get), std::move(set), flags});
  }
  void registerSignal(const Text&, Text, Text, sdbus::Flags) override { refuse(); }
  void registerSignal(const Text&, Text, Text, const Texts&, sdbus::Flags) override { refuse(); }
  void setInterfaceFlags(const Text&, sdbus::Flags) override { refuse(); }
  void finishRegistration() override {}
  void emitPropertiesChangedSignal(const Text& interface, const Texts& names) override {
    emit_changed(interface.c_str(), names);
  }
  void emitPropertiesChangedSignal(const Text&) override { refuse(); }
  void emitInterfacesAddedSignal(const Texts&) override { refuse(); }
  void emitInterfacesRemovedSignal(const Texts&) override { refuse(); }
  void removeObjectManager() override { refuse(); }
  bool hasObjectManager() const override { return false; }
  const std::string& getObjectPath() const override { return path_; }
  const sdbus::Message* getCurrentlyProcessedMessage() const override { return message_; }
  sdbus::Signal createSignal(const Text&, const Text&) override { refuse(); }
#endif

  sdbus::IConnection& connection_;
  const sdbus::ObjectPath path_;
};

}  // namespace virtsession::sdbus_compat
