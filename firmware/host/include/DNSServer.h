// Stand-in for the ESP32 core's DNS server of a captive portal: it says that it
// was started; nobody asks it on a host.
#pragma once

#include <Arduino.h>

class DNSServer {
 public:
  bool start(uint16_t port, const String& name, const IPAddress& address);
  bool start();
  void processNextRequest() {}
  void stop();
};
