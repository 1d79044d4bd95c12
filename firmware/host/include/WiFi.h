// Stand-in for the ESP32 core's WiFi: an access point that control lines switch,
// and that BOARD_SSID and BOARD_PASSWORD (if set) let in only who knows them. While
// the board's own network is open, a search for another one leaves nobody in it.
#pragma once

#include <Arduino.h>

typedef enum {
  WL_NO_SHIELD = 255,
  WL_STOPPED = 254,
  WL_IDLE_STATUS = 0,
  WL_NO_SSID_AVAIL = 1,
  WL_SCAN_COMPLETED = 2,
  WL_CONNECTED = 3,
  WL_CONNECT_FAILED = 4,
  WL_CONNECTION_LOST = 5,
  WL_DISCONNECTED = 6,
} wl_status_t;

typedef enum { WIFI_MODE_NULL, WIFI_MODE_STA, WIFI_MODE_AP, WIFI_MODE_APSTA } wifi_mode_t;
#define WIFI_OFF WIFI_MODE_NULL
#define WIFI_STA WIFI_MODE_STA
#define WIFI_AP WIFI_MODE_AP
#define WIFI_AP_STA WIFI_MODE_APSTA

typedef enum {
  ARDUINO_EVENT_WIFI_STA_CONNECTED,
  ARDUINO_EVENT_WIFI_STA_DISCONNECTED,
  ARDUINO_EVENT_WIFI_STA_GOT_IP,
  ARDUINO_EVENT_MAX,
} arduino_event_id_t;
typedef struct {
} arduino_event_info_t;
typedef arduino_event_id_t WiFiEvent_t;
typedef arduino_event_info_t WiFiEventInfo_t;
typedef size_t wifi_event_id_t;
typedef void (*WiFiEventCb)(arduino_event_id_t event);
typedef std::function<void(arduino_event_id_t event, arduino_event_info_t info)> WiFiEventFuncCb;

class WiFiClass {
 public:
  wl_status_t begin(const char* ssid, const char* password = nullptr);
  wl_status_t begin(const String& ssid, const String& password) { return begin(ssid.c_str(), password.c_str()); }
  wl_status_t status();
  bool isConnected() { return status() == WL_CONNECTED; }
  bool reconnect();
  bool disconnect(bool wifioff = false, bool eraseap = false);
  bool setAutoReconnect(bool on);
  bool mode(wifi_mode_t mode);
  wifi_mode_t getMode();
  bool setSleep(bool on) { (void)on; return true; }
  bool setHostname(const char* name) { (void)name; return true; }
  void persistent(bool on) { (void)on; }
  IPAddress localIP();
  IPAddress gatewayIP() { return IPAddress(192, 168, 1, 1); }
  String SSID();
  int8_t RSSI();
  String macAddress();
  uint8_t* macAddress(uint8_t* mac);
  wifi_event_id_t onEvent(WiFiEventCb handler, arduino_event_id_t event = ARDUINO_EVENT_MAX);
  wifi_event_id_t onEvent(WiFiEventFuncCb handler, arduino_event_id_t event = ARDUINO_EVENT_MAX);

  bool softAP(const char* ssid, const char* password = nullptr);
  bool softAPdisconnect(bool wifioff = false);
  IPAddress softAPIP() { return IPAddress(192, 168, 4, 1); }
};

extern WiFiClass WiFi;
