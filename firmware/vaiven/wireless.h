// The Wi-Fi: joins, joins again, and says for how long it has been away.
#pragma once

#include <Arduino.h>
#include <ESPmDNS.h>
#include <WiFi.h>

#include "settings.h"

class Wireless {
 public:
  explicit Wireless(const Values& settings) : settings_(settings) {}

  void begin(uint32_t now) {
    WiFi.persistent(false);  // Settings keeps them
    WiFi.mode(WIFI_STA);
    WiFi.setAutoReconnect(true);
    awaySince_ = askedAt_ = now;
    join();
  }

  // tick joins again by itself when the radio's own attempts led nowhere. search false
  // is for while the board's own network is open: looking for another one the radio
  // changes channels without end, and throws out who is in it. A connection that
  // stands is left alone.
  void tick(uint32_t now, bool search) {
    if (settings_.ssid.length() == 0) return;
    const bool up = WiFi.status() == WL_CONNECTED;
    if (up && !up_) MDNS.begin(hostName().c_str());
    if (up_ && !up) awaySince_ = askedAt_ = now;
    up_ = up;
    if (search != searching_) {
      searching_ = search;
      WiFi.setAutoReconnect(search);
      if (!up) {
        awaySince_ = now;
        rejoin(now);
      }
    }
    if (!up && search && now - askedAt_ >= kRejoin) rejoin(now);
  }

  bool up() const { return up_; }
  // away is for how many ms there has been no Wi-Fi.
  uint32_t away(uint32_t now) const { return up_ || settings_.ssid.length() == 0 ? 0 : now - awaySince_; }

 private:
  static constexpr uint32_t kRejoin = 60000;

  void rejoin(uint32_t now) {
    askedAt_ = now;
    WiFi.disconnect();
    if (searching_) join();
  }

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

  const Values& settings_;
  bool searching_ = true;
  bool up_ = false;
  uint32_t awaySince_ = 0;
  uint32_t askedAt_ = 0;
};
