// The Wi-Fi: joins, joins again, and says for how long it has been away.
#pragma once

#include <Arduino.h>
#include <ESPmDNS.h>
#include <WiFi.h>

#include "settings.h"

class Wireless {
 public:
  explicit Wireless(const Settings& settings) : settings_(settings) {}

  void begin(uint32_t now) {
    WiFi.persistent(false);  // Settings keeps them
    WiFi.mode(WIFI_STA);
    WiFi.setAutoReconnect(true);
    awaySince_ = askedAt_ = now;
    join();
  }

  // tick joins again by itself when the radio's own attempts led nowhere.
  void tick(uint32_t now) {
    if (settings_.ssid.length() == 0) return;
    const bool up = WiFi.status() == WL_CONNECTED;
    if (up && !up_) MDNS.begin(hostName().c_str());
    if (up_ && !up) awaySince_ = askedAt_ = now;
    up_ = up;
    if (!up && now - askedAt_ >= kRejoin) {
      askedAt_ = now;
      WiFi.disconnect();
      join();
    }
  }

  bool up() const { return up_; }
  // away is for how many ms there has been no Wi-Fi.
  uint32_t away(uint32_t now) const { return up_ || settings_.ssid.length() == 0 ? 0 : now - awaySince_; }

 private:
  static constexpr uint32_t kRejoin = 60000;

  void join() {
    if (settings_.ssid.length() > 0) WiFi.begin(settings_.ssid, settings_.password);
  }
  // hostName is the board's own name in mDNS: letters, digits and dashes.
  String hostName() const {
    String name = "vaiven-";
    for (unsigned i = 0; i < settings_.device.length(); i++) {
      const char c = settings_.device[i];
      name += isalnum(static_cast<unsigned char>(c)) ? c : '-';
    }
    return name;
  }

  const Settings& settings_;
  bool up_ = false;
  uint32_t awaySince_ = 0;
  uint32_t askedAt_ = 0;
};
