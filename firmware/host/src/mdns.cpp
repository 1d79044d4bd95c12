#include <ESPmDNS.h>

#include <string>
#include <vector>

#include "clock.h"
#include "link.h"
#include "options.h"
#include "report.h"

MDNSResponder MDNS;

namespace {

constexpr uint64_t serviceWaitMs = 3000;  // how long the core listens for answers

struct Answer {
  std::string name;
  IPAddress address;
  uint16_t port;
};

std::vector<Answer> found;

std::vector<Answer> answers() {
  std::vector<Answer> out;
  std::string list = host::optionText("BOARD_MDNS", "");
  for (size_t at = 0; at < list.size() && host::linkUp();) {
    size_t end = std::min(list.find(',', at), list.size());
    std::string entry = list.substr(at, end - at);
    at = end + 1;
    size_t eq = entry.find('='), colon = entry.find(':', eq == std::string::npos ? 0 : eq);
    if (eq == std::string::npos) continue;
    Answer a{entry.substr(0, eq), IPAddress(), 0};
    std::string address = entry.substr(eq + 1, colon == std::string::npos ? colon : colon - eq - 1);
    if (!address.empty() && !a.address.fromString(address.c_str())) continue;
    if (colon != std::string::npos) a.port = uint16_t(atoi(entry.c_str() + colon + 1));
    out.push_back(a);
  }
  return out;
}

const Answer* at(int i) { return i >= 0 && size_t(i) < found.size() ? &found[size_t(i)] : nullptr; }

}  // namespace

IPAddress MDNSResponder::queryHost(const char* host, uint32_t timeout) {
  for (const Answer& a : answers()) {
    if (a.name != host || a.address == IPAddress()) continue;
    host::Event("mdns").text("host", host).text("address", a.address.toString().c_str());
    return a.address;
  }
  host::sleepUs(uint64_t(timeout) * 1000);
  host::Event("mdns").text("host", host).text("address", "");
  return IPAddress();
}

int MDNSResponder::queryService(const char* service, const char* protocol) {
  host::sleepUs(serviceWaitMs * 1000);
  found.clear();
  for (const Answer& a : answers()) {
    if (a.port) found.push_back(a);
  }
  host::Event("mdns").text("service", service).text("protocol", protocol).number("found", int64_t(found.size()));
  return int(found.size());
}

String MDNSResponder::hostname(int i) { return at(i) ? at(i)->name.c_str() : ""; }

IPAddress MDNSResponder::address(int i) { return at(i) ? at(i)->address : IPAddress(); }

uint16_t MDNSResponder::port(int i) { return at(i) ? at(i)->port : 0; }
