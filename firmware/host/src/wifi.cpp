#include <WiFi.h>

#include <mutex>
#include <vector>

#include "clock.h"
#include "link.h"
#include "options.h"
#include "report.h"

WiFiClass WiFi;

namespace {

constexpr uint64_t associationUs = 1500000;  // scan, authentication, DHCP

struct Radio {
  bool accessPoint = true;
  bool begun = false;
  bool connected = false;
  bool autoReconnect = true;
  bool everConnected = false;
  uint64_t associateAt = 0;  // simulated us, while begun and not connected
  uint64_t lostAt = 0;
  wifi_mode_t mode = WIFI_MODE_NULL;
  std::string ssid, password;
  std::vector<std::pair<arduino_event_id_t, WiFiEventFuncCb>> handlers;
  std::vector<arduino_event_id_t> due;  // events not yet handed over
};

std::recursive_mutex radioMutex;
Radio radio;

bool knownNetwork() { return radio.ssid == host::optionText("BOARD_SSID", radio.ssid.c_str()); }

bool rightPassword() { return radio.password == host::optionText("BOARD_PASSWORD", radio.password.c_str()); }

void lose(const char* why) {
  if (!radio.connected) return;
  radio.connected = false;
  radio.lostAt = host::sincePowerOnUs();
  radio.due.push_back(ARDUINO_EVENT_WIFI_STA_DISCONNECTED);
  host::Event("wifi").text("state", "lost").text("reason", why);
}

void associateSoon() { radio.associateAt = host::sincePowerOnUs() + associationUs; }

// advance moves the association to where it is by now.
void advance() {
  if (!radio.begun || radio.connected || !radio.accessPoint) return;
  if (host::sincePowerOnUs() < radio.associateAt || !knownNetwork() || !rightPassword()) return;
  radio.connected = radio.everConnected = true;
  radio.lostAt = 0;
  radio.due.push_back(ARDUINO_EVENT_WIFI_STA_CONNECTED);
  radio.due.push_back(ARDUINO_EVENT_WIFI_STA_GOT_IP);
  host::Event("wifi").text("state", "connected").text("ssid", radio.ssid);
}

}  // namespace

void host::setAccessPoint(bool on) {
  std::lock_guard lock(radioMutex);
  radio.accessPoint = on;
  if (!on) {
    lose("access point gone");
  } else if (radio.autoReconnect || !radio.everConnected) {
    associateSoon();
  } else {
    radio.begun = false;
  }
}

bool host::scanning() {
  std::lock_guard lock(radioMutex);
  advance();
  return (radio.mode & WIFI_MODE_AP) && radio.begun && !radio.connected && radio.autoReconnect;
}

bool host::linkUp() {
  std::lock_guard lock(radioMutex);
  advance();
  return radio.connected;
}

uint64_t host::linkLostForMs() {
  std::lock_guard lock(radioMutex);
  return radio.connected || !radio.lostAt ? 0 : (sincePowerOnUs() - radio.lostAt) / 1000;
}

void host::linkTick() {
  std::vector<WiFiEventFuncCb> calls;
  std::vector<arduino_event_id_t> events;
  {
    std::lock_guard lock(radioMutex);
    advance();
    for (auto event : radio.due) {
      for (auto& [wanted, handler] : radio.handlers) {
        if (wanted != event && wanted != ARDUINO_EVENT_MAX) continue;
        calls.push_back(handler);
        events.push_back(event);
      }
    }
    radio.due.clear();
  }
  for (size_t i = 0; i < calls.size(); i++) calls[i](events[i], {});
}

wl_status_t WiFiClass::begin(const char* ssid, const char* password) {
  std::lock_guard lock(radioMutex);
  lose("begun anew");
  radio.ssid = ssid ? ssid : "", radio.password = password ? password : "";
  radio.begun = true;
  if (radio.mode == WIFI_MODE_NULL) radio.mode = WIFI_MODE_STA;
  associateSoon();
  return WL_DISCONNECTED;
}

wl_status_t WiFiClass::status() {
  std::lock_guard lock(radioMutex);
  advance();
  if (radio.connected) return WL_CONNECTED;
  if (!radio.begun) return radio.mode == WIFI_MODE_NULL ? WL_STOPPED : WL_DISCONNECTED;
  if (host::sincePowerOnUs() < radio.associateAt) return radio.everConnected ? WL_DISCONNECTED : WL_IDLE_STATUS;
  if (!radio.accessPoint || !knownNetwork()) return radio.everConnected ? WL_CONNECTION_LOST : WL_NO_SSID_AVAIL;
  return rightPassword() ? WL_DISCONNECTED : WL_CONNECT_FAILED;
}

bool WiFiClass::reconnect() {
  std::lock_guard lock(radioMutex);
  lose("reconnect");
  radio.begun = !radio.ssid.empty();
  associateSoon();
  return radio.begun;
}

bool WiFiClass::disconnect(bool wifioff, bool eraseap) {
  std::lock_guard lock(radioMutex);
  lose("disconnect");
  radio.begun = false;
  if (wifioff) radio.mode = WIFI_MODE_NULL;
  if (eraseap) radio.ssid = radio.password = "";
  return true;
}

bool WiFiClass::setAutoReconnect(bool on) {
  std::lock_guard lock(radioMutex);
  radio.autoReconnect = on;
  return true;
}

bool WiFiClass::mode(wifi_mode_t mode) {
  std::lock_guard lock(radioMutex);
  if (!(mode & WIFI_MODE_STA)) {
    lose("mode");
    radio.begun = false;
  }
  radio.mode = mode;
  return true;
}

wifi_mode_t WiFiClass::getMode() {
  std::lock_guard lock(radioMutex);
  return radio.mode;
}

IPAddress WiFiClass::localIP() { return status() == WL_CONNECTED ? IPAddress(192, 168, 1, 77) : IPAddress(); }

String WiFiClass::SSID() {
  std::lock_guard lock(radioMutex);
  return radio.ssid.c_str();
}

int8_t WiFiClass::RSSI() { return status() == WL_CONNECTED ? -61 : 0; }

uint8_t* WiFiClass::macAddress(uint8_t* mac) {
  uint64_t id = ESP.getEfuseMac();
  for (int i = 0; i < 6; i++) mac[i] = uint8_t(id >> (8 * i));
  return mac;
}

String WiFiClass::macAddress() {
  uint8_t m[6];
  macAddress(m);
  char out[18];
  snprintf(out, sizeof out, "%02X:%02X:%02X:%02X:%02X:%02X", m[0], m[1], m[2], m[3], m[4], m[5]);
  return out;
}

wifi_event_id_t WiFiClass::onEvent(WiFiEventCb handler, arduino_event_id_t event) {
  return onEvent([handler](arduino_event_id_t e, arduino_event_info_t) { handler(e); }, event);
}

wifi_event_id_t WiFiClass::onEvent(WiFiEventFuncCb handler, arduino_event_id_t event) {
  std::lock_guard lock(radioMutex);
  radio.handlers.emplace_back(event, handler);
  return radio.handlers.size();
}

bool WiFiClass::softAP(const char* ssid, const char*) {
  std::lock_guard lock(radioMutex);
  radio.mode = wifi_mode_t(radio.mode | WIFI_MODE_AP);
  host::Event("access_point").text("ssid", ssid).flag("on", true);
  return true;
}

bool WiFiClass::softAPdisconnect(bool wifioff) {
  std::lock_guard lock(radioMutex);
  radio.mode = wifioff ? WIFI_MODE_NULL : wifi_mode_t(radio.mode & ~WIFI_MODE_AP);
  host::Event("access_point").flag("on", false);
  return true;
}
