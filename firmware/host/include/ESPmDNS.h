// Stand-in for the ESP32 core's mDNS: answers what BOARD_MDNS says,
// NAME=ADDRESS[:PORT],..., while the board has an address. A service query finds
// every entry with a port; address() of one without IPv4 is 0.0.0.0.
#pragma once

#include <Arduino.h>

class MDNSResponder {
 public:
  bool begin(const String& hostName) { (void)hostName; return true; }
  void end() {}
  IPAddress queryHost(const char* host, uint32_t timeout = 2000);
  IPAddress queryHost(const String& host, uint32_t timeout = 2000) { return queryHost(host.c_str(), timeout); }
  int queryService(const char* service, const char* protocol);
  int queryService(const String& service, const String& protocol) {
    return queryService(service.c_str(), protocol.c_str());
  }
  String hostname(int index);
  IPAddress address(int index);
  uint16_t port(int index);
};

extern MDNSResponder MDNS;
