// What a person tells the board: kept in Preferences, set over the serial port
// (console.h) or the portal (portal.h), never in the program.
#pragma once

#include <Arduino.h>
#include <Preferences.h>
#include <vaiven/limits.h>

class Settings {
 public:
  // A certificate must fit one entry of the flash's key-value store.
  static constexpr size_t kMaxCA = 3900;
  static constexpr uint16_t kDefaultPort = 8080;
  static constexpr uint32_t kDefaultInterval = 2000;
  static constexpr uint32_t kShortest = 1000;             // what a DHT11 can do
  static constexpr uint32_t kLongest = 24u * 3600 * 1000;

  String ssid, password;
  String server;           // a name, NAME.local, an address, or "auto": whoever announces itself
  uint16_t port = kDefaultPort;
  String device;
  uint32_t interval = kDefaultInterval;  // ms between readings
  bool tls = false;
  bool sleep = false;      // deep sleep between readings
  bool spanish = true;
  String ca;               // PEM, pinned
  String token;            // given by the server
  String foundHost;        // where the server was when it was found last
  uint16_t foundPort = 0;

  void load() {
    open();
    ssid = store_.getString("ssid");
    password = store_.getString("password");
    server = store_.getString("server", "auto");
    port = store_.getUShort("port", kDefaultPort);
    device = store_.getString("device");
    interval = store_.getUInt("interval", kDefaultInterval);
    tls = store_.getBool("tls");
    sleep = store_.getBool("sleep");
    spanish = store_.getBool("spanish", true);
    ca = store_.getString("ca");
    token = store_.getString("token");
    foundHost = store_.getString("foundHost");
    foundPort = store_.getUShort("foundPort");
  }

  // complete says that there is enough to work with.
  bool complete() const { return ssid.length() > 0 && device.length() > 0; }

  // Each setter writes at once, and returns false for what cannot be right.
  bool setWifi(const String& name, const String& key) {
    if (name.length() == 0 || name.length() > 32 || key.length() > 64) return false;
    ssid = name;
    password = key;
    return write("ssid", ssid) && write("password", password);
  }
  bool setServer(const String& host, long number) {
    if (host.length() == 0 || host.length() > 253 || number < 1 || number > 65535) return false;
    server = host;
    port = static_cast<uint16_t>(number);
    forgetFound();
    return write("server", server) && store_.putUShort("port", port) > 0;
  }
  // A token belongs to one device at one server.
  bool setDevice(const String& id) {
    if (id.length() == 0 || id.length() > vaiven::kMaxDevice) return false;
    if (id != device) setToken("");
    device = id;
    return write("device", device);
  }
  bool setInterval(uint32_t ms) {
    if (ms < kShortest || ms > kLongest) return false;
    interval = ms;
    return store_.putUInt("interval", interval) > 0;
  }
  bool setTLS(bool on) {
    tls = on;
    return store_.putBool("tls", on) > 0;
  }
  bool setSleep(bool on) {
    sleep = on;
    return store_.putBool("sleep", on) > 0;
  }
  bool setSpanish(bool on) {
    spanish = on;
    return store_.putBool("spanish", on) > 0;
  }
  bool setCA(const String& pem) {
    const bool looksRight = pem.indexOf("-----BEGIN CERTIFICATE-----") >= 0 && pem.indexOf("-----END CERTIFICATE-----") > 0;
    if (pem.length() > 0 && (!looksRight || pem.length() > kMaxCA)) return false;
    ca = pem;
    return write("ca", ca);
  }
  bool setToken(const String& text) {
    token = text;
    return write("token", token);
  }
  // setFound is called after each WELCOME, and writes only what is new.
  void setFound(const String& host, uint16_t number) {
    if (host == foundHost && number == foundPort) return;
    foundHost = host;
    foundPort = number;
    write("foundHost", foundHost);
    store_.putUShort("foundPort", foundPort);
  }
  void forgetAll() { store_.clear(); }

 private:
  void open() {
    if (!open_) open_ = store_.begin("vaiven");
  }
  bool write(const char* key, const String& text) {
    if (text.length() == 0) {
      if (store_.isKey(key)) store_.remove(key);
      return true;
    }
    return store_.putString(key, text) > 0;
  }
  void forgetFound() { setFound("", 0); }

  Preferences store_;
  bool open_ = false;
};
