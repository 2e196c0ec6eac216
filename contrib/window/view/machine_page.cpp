// SPDX-License-Identifier: LGPL-2.1-or-later
#include "view/machine_page.hpp"

#include "model/cure.hpp"
#include "model/time_text.hpp"
#include "texts/translate.hpp"
#include "view/machine_row.hpp"

#include <array>

namespace virtsession::window {
namespace {

using namespace texts;

constexpr guint kReadEverySec = 2;
constexpr unsigned kAskForAddressesEvery = 5;  // times of that
constexpr guint kHistoryRows = 30;

}  // namespace

MachinePage::MachinePage(Shell& shell) : shell_(shell), usage_(shell.supervisor().bus()), network_(shell) {
  box_ = gtk_box_new(GTK_ORIENTATION_VERTICAL, 0);
  build_header();
  GtkWidget* column = nullptr;
  gtk_box_append(GTK_BOX(box_), scrolled_column(&column));
  build_status(column);
  build_facts(column);
  history_ = std::make_unique<Rows>(group(_("History")));
  gtk_box_append(GTK_BOX(column), history_->group());
}

MachinePage::~MachinePage() {
  if (timer_) g_source_remove(timer_);
}

void MachinePage::build_header() {
  GtkWidget* const header = adw_header_bar_new();
  title_ = adw_window_title_new("", "");
  adw_header_bar_set_title_widget(ADW_HEADER_BAR(header), title_);
  GtkWidget* const back = icon_button("go-previous-symbolic", _("Back"), [this] { shell_.go_back(); });
  adw_header_bar_pack_start(ADW_HEADER_BAR(header), back);
  menu_ = gtk_menu_button_new();
  gtk_menu_button_set_icon_name(GTK_MENU_BUTTON(menu_), "view-more-symbolic");
  gtk_widget_set_tooltip_text(menu_, _("More"));
  name_menu_button(menu_, _("More"));
  adw_header_bar_pack_end(ADW_HEADER_BAR(header), menu_);
  verb_ = text_button("", [this] {
    const auto* const vm = shell_.supervisor().find(uuid_);
    if (vm && has_main_verb(*vm)) shell_.run(main_verb(*vm), uuid_);
  });
  adw_header_bar_pack_end(ADW_HEADER_BAR(header), verb_);
  gtk_box_append(GTK_BOX(box_), header);
}

void MachinePage::build_status(GtkWidget* column) {
  GtkWidget* const status = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
  icon_ = gtk_image_new();
  gtk_image_set_pixel_size(GTK_IMAGE(icon_), 32);
  gtk_widget_add_css_class(icon_, "phase-icon");
  gtk_widget_set_halign(icon_, GTK_ALIGN_CENTER);
  gtk_widget_set_margin_bottom(icon_, 6);
  word_ = gtk_label_new("");
  gtk_widget_add_css_class(word_, "title-2");
  reason_ = gtk_label_new("");
  gtk_widget_add_css_class(reason_, "dim-label");
  for (GtkWidget* const label : {word_, reason_}) {
    gtk_label_set_wrap(GTK_LABEL(label), TRUE);
    gtk_label_set_wrap_mode(GTK_LABEL(label), PANGO_WRAP_WORD_CHAR);
    gtk_label_set_justify(GTK_LABEL(label), GTK_JUSTIFY_CENTER);
  }
  gtk_label_set_selectable(GTK_LABEL(reason_), TRUE);
  gtk_widget_set_can_focus(reason_, FALSE);
  again_ = text_button(_("Try Again"), [this] { shell_.run(Verb::start, uuid_); });
  gtk_widget_set_halign(again_, GTK_ALIGN_CENTER);
  gtk_widget_set_margin_top(again_, 12);
  gtk_widget_add_css_class(again_, "pill");
  gtk_widget_add_css_class(again_, "suggested-action");
  for (GtkWidget* const child : {icon_, word_, reason_, again_}) gtk_box_append(GTK_BOX(status), child);
  gtk_box_append(GTK_BOX(column), status);
  cure_ = std::make_unique<Rows>(group(_("What to Do")));
  gtk_box_append(GTK_BOX(column), cure_->group());
}

void MachinePage::build_facts(GtkWidget* column) {
  GtkWidget* const settings = group("");
  GtkWidget* const row = action_row(_("Start at Login"));
  mark_ = gtk_switch_new();
  gtk_widget_set_valign(mark_, GTK_ALIGN_CENTER);
  adw_action_row_add_suffix(ADW_ACTION_ROW(row), mark_);
  adw_action_row_set_activatable_widget(ADW_ACTION_ROW(row), mark_);
  connect(mark_, "notify::active", [this] {
    if (!updating_) shell_.set_mark(uuid_, gtk_switch_get_active(GTK_SWITCH(mark_)) != FALSE);
  });
  policy_ = link_row(_("Policy"), "", [this] { shell_.show_policy(uuid_, ""); });
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(settings), row);
  adw_preferences_group_add(ADW_PREFERENCES_GROUP(settings), policy_);
  gtk_box_append(GTK_BOX(column), settings);

  now_ = group(_("Now"));
  const auto fact = [this](const char* title) {
    GtkWidget* const fact_row = action_row(title);
    GtkWidget* const label = gtk_label_new("");
    gtk_widget_add_css_class(label, "dim-label");
    gtk_widget_add_css_class(label, "numeric");
    adw_action_row_add_suffix(ADW_ACTION_ROW(fact_row), label);
    adw_preferences_group_add(ADW_PREFERENCES_GROUP(now_), fact_row);
    g_object_set_data(G_OBJECT(label), "row", fact_row);
    return label;
  };
  uptime_ = fact(_("Runs for"));
  memory_ = fact(_("Memory"));
  processor_ = fact(_("Processor"));
  gtk_box_append(GTK_BOX(column), now_);
  gtk_box_append(GTK_BOX(column), network_.group());
}

void MachinePage::open(const std::string& uuid) {
  if (uuid != uuid_) {
    shown_.clear();
    changes_.clear();
    history_->clear();
    for (GtkWidget* const label : {memory_, processor_}) gtk_label_set_text(GTK_LABEL(label), "");
  }
  uuid_ = uuid;
  update();
}

void MachinePage::update() {
  if (uuid_.empty()) return;
  const auto* const vm = shell_.supervisor().find(uuid_);
  if (!vm) {
    if (shell_.supervisor().presence() == Supervisor::Presence::present && visible_) shell_.go_back();
    return;
  }
  updating_ = true;
  update_header(*vm);
  update_status(*vm);
  update_facts(*vm);
  const auto now = vm->json().dump();
  if (now != shown_) {
    shown_ = now;
    update_menu(*vm);
    update_cure(*vm);
    read_history();
  }
  updating_ = false;
}

void MachinePage::update_header(const VmInfo& vm) {
  adw_window_title_set_title(ADW_WINDOW_TITLE(title_), vm.name().c_str());
  adw_window_title_set_subtitle(ADW_WINDOW_TITLE(title_), vm.text("Title").c_str());
  const bool ready = shell_.supervisor().libvirt_ready();
  const auto verb = main_verb(vm);
  gtk_button_set_label(GTK_BUTTON(verb_), verb_text(verb).c_str());
  gtk_widget_set_sensitive(verb_, has_main_verb(vm) && ready);
  if (verb == Verb::shutdown)
    gtk_widget_remove_css_class(verb_, "suggested-action");
  else
    gtk_widget_add_css_class(verb_, "suggested-action");
}

/// Only when something has changed: an open menu would close.
void MachinePage::update_menu(const VmInfo& vm) {
  GMenuModel* const menu = machine_menu(vm);
  gtk_menu_button_set_menu_model(GTK_MENU_BUTTON(menu_), menu);
  g_object_unref(menu);
}

void MachinePage::update_status(const VmInfo& vm) {
  const auto view = view_of(vm, shell_.supervisor().libvirt_ready());
  gtk_image_set_from_icon_name(GTK_IMAGE(icon_), view.icon.c_str());
  for (const auto tone : {Tone::good, Tone::attention, Tone::bad, Tone::faint})
    gtk_widget_remove_css_class(icon_, tone_class(tone));
  gtk_widget_add_css_class(icon_, tone_class(view.tone));
  gtk_label_set_text(GTK_LABEL(word_), view.word.c_str());
  gtk_label_set_text(GTK_LABEL(reason_), standing_alone(view.reason).c_str());
  gtk_widget_set_visible(reason_, !view.reason.empty());
  gtk_widget_set_visible(again_, view.tone == Tone::bad && can(vm, Verb::start));
}

void MachinePage::update_cure(const VmInfo& vm) {
  cure_->clear();
  for (const auto& cure : cures_of(vm)) {
    if (!cure.text.empty()) cure_->add(action_row(cure.text));
    for (const auto& command : cure.commands)
      cure_->add(command_row(command, [this](const std::string& text) { shell_.tell(text); }));
  }
  gtk_widget_set_visible(cure_->group(), !cure_->empty());
  network_.update(vm);
}

void MachinePage::update_facts(const VmInfo& vm) {
  gtk_switch_set_active(GTK_SWITCH(mark_), vm.flag("Autostart"));
  gtk_widget_set_sensitive(mark_, vm.flag("Persistent"));
  const auto own = vm.value("PolicyOverrides").size();
  adw_action_row_set_subtitle(
      ADW_ACTION_ROW(policy_),
      own == 0
          ? _("The defaults apply")
          : filled(ngettext_("{} key is set for this machine", "{} keys are set for this machine", own), own).c_str());
  update_usage();
}

void MachinePage::update_usage() {
  const auto* const vm = shell_.supervisor().find(uuid_);
  if (!vm) return;
  const auto started = vm->is_active() ? vm->number("StartedUSec") : 0;
  gtk_widget_set_visible(now_, started != 0);
  const auto now = static_cast<std::uint64_t>(g_get_real_time());
  if (started != 0 && now > started)
    gtk_label_set_text(GTK_LABEL(uptime_), duration_text(std::chrono::seconds((now - started) / 1'000'000)).c_str());
  for (GtkWidget* const label : {memory_, processor_}) {
    auto* const row = static_cast<GtkWidget*>(g_object_get_data(G_OBJECT(label), "row"));
    gtk_widget_set_visible(row, *gtk_label_get_text(GTK_LABEL(label)) != '\0');
  }
}

void MachinePage::set_visible(bool visible) {
  visible_ = visible;
  if (timer_ && !visible) g_source_remove(std::exchange(timer_, 0U));
  if (timer_ || !visible) return;
  looks_ = 0;
  const auto look = [](gpointer data) -> gboolean {
    auto& page = *static_cast<MachinePage*>(data);
    const auto* const vm = page.shell_.supervisor().find(page.uuid_);
    page.update_usage();
    if (vm && page.looks_++ % kAskForAddressesEvery == 0) page.network_.ask(*vm);
    if (!vm || vm->text("Scope").empty()) return G_SOURCE_CONTINUE;
    page.usage_.read(vm->text("Scope"), [&page](const ScopeUsage::Usage& usage) {
      if (usage.memory) gtk_label_set_text(GTK_LABEL(page.memory_), size_text(*usage.memory).c_str());
      if (usage.processors)
        gtk_label_set_text(GTK_LABEL(page.processor_), fmt::format("{:.0f} %", *usage.processors * 100).c_str());
      page.update_usage();
    });
    return G_SOURCE_CONTINUE;
  };
  look(this);
  timer_ = g_timeout_add_seconds(kReadEverySec, look, this);
}

void MachinePage::read_history() {
  GVariantBuilder options;
  g_variant_builder_init(&options, G_VARIANT_TYPE_VARDICT);
  g_variant_builder_add(&options, "{sv}", "limit", g_variant_new_uint32(kHistoryRows));
  shell_.supervisor().call_manager(
      "History", g_variant_new("(s@a{sv})", uuid_.c_str(), g_variant_builder_end(&options)),
      [this, uuid = uuid_](GVariant* reply, const CallError& error) {
        if (error || uuid != uuid_) return;
        std::vector<Change> changes;
        GVariant* const rows = g_variant_get_child_value(reply, 0);
        GVariantIter iterator;
        g_variant_iter_init(&iterator, rows);
        guint64 when = 0;
        const char *phase = nullptr, *reason = nullptr, *cause = nullptr;
        while (g_variant_iter_next(&iterator, "(t&o&s&s&s&s)", &when, nullptr, nullptr, &phase, &reason, &cause))
          changes.insert(changes.begin(), {when, phase, reason, cause});
        g_variant_unref(rows);
        show_history(changes);
      });
}

void MachinePage::show_history(const std::vector<Change>& changes) {
  if (changes == changes_) return;
  changes_ = changes;
  history_->clear();
  const auto now = static_cast<std::uint64_t>(g_get_real_time());
  for (const auto& change : changes) {
    GtkWidget* const row =
        action_row(standing_alone(change.reason.empty() ? change.phase : change.reason), change.cause);
    GtkWidget* const label = gtk_label_new(moment_text(change.when, now).c_str());
    gtk_widget_add_css_class(label, "dim-label");
    gtk_widget_add_css_class(label, "numeric");
    adw_action_row_add_suffix(ADW_ACTION_ROW(row), label);
    GtkWidget* const image = gtk_image_new_from_icon_name(phase_icon(change.phase));
    gtk_widget_add_css_class(image, "dim-label");
    adw_action_row_add_prefix(ADW_ACTION_ROW(row), image);
    history_->add(row);
  }
  gtk_widget_set_visible(history_->group(), !history_->empty());
}

}  // namespace virtsession::window
