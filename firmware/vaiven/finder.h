// Where the server is: whoever announces _vaiven._tcp, a NAME.local, or what was
// typed. When mDNS is silent, where the server was the last time.
#pragma once

#include <Arduino.h>
#include <ESPmDNS.h>

#include "settings.h"

struct Place {
  String host;
  uint16_t port = 0;
};

class Finder {
 public:
  explicit Finder(const Values& settings) : settings_(settings) {}

  // varies says that another look may find another place.
  bool varies() const { return automatic() || local(); }

  // look may take three seconds. False when nothing is known.
  bool look(Place& place) const {
    place = {settings_.server, settings_.port};
    if (!varies()) return true;
    if (automatic() ? announced(place) : named(place)) return true;
    place = {settings_.foundHost, settings_.foundPort};
    return place.host.length() > 0;
  }

 private:
  bool automatic() const { return settings_.server.length() == 0 || settings_.server == "auto"; }
  bool local() const { return settings_.server.endsWith(".local"); }

  // announced takes the server that was there before, if it is among several. One
  // without an IPv4 address cannot be dialled.
  bool announced(Place& place) const {
    bool found = false;
    for (int i = MDNS.queryService("vaiven", "tcp") - 1; i >= 0; i--) {
      const IPAddress address = MDNS.address(i);
      if (address == IPAddress() || MDNS.port(i) == 0) continue;
      place = {address.toString(), MDNS.port(i)};
      found = true;
      if (place.host == settings_.foundHost && place.port == settings_.foundPort) break;
    }
    return found;
  }

  bool named(Place& place) const {
    const String name = settings_.server.substring(0, settings_.server.length() - strlen(".local"));
    const IPAddress address = MDNS.queryHost(name.c_str());
    if (address == IPAddress()) return false;
    place.host = address.toString();
    return true;
  }

  const Values& settings_;
};
