// What a person tells the board: kept in Preferences, set over the serial port
// (console.h) or the portal (portal.h), never in the program.
//
// It is there twice. What the board works with does not change under its hands, what
// was set counts after a restart: others keep pointers into it (the socket library
// its CA), and dial, join and measure by it meanwhile.
#pragma once

#include <Arduino.h>
#include <Preferences.h>
#include <vaiven/limits.h>
#include <vaiven/proof.h>

#include "certificate.h"
#include "defaults.h"

// Values are the settings themselves.
struct Values {
  static constexpr uint32_t kDefaultInterval = 2000;

  String ssid, password;
  String server = VAIVEN_SERVER;
  uint16_t port = VAIVEN_PORT;
  String device = VAIVEN_DEVICE;
  uint32_t interval = kDefaultInterval;  // ms between readings
  bool tls = sizeof VAIVEN_CA > 1;
  bool sleep = false;  // deep sleep between readings
  bool spanish = true;
  String ca = VAIVEN_CA;  // PEM, pinned
  String token = VAIVEN_TOKEN;
  bool tokenTyped = sizeof VAIVEN_TOKEN > 1;  // a person gave it, not the server
  String foundHost;    // where the server was when it was found last
  uint16_t foundPort = 0;

  // complete says that there is enough to work with.
  bool complete() const { return ssid.length() > 0 && device.length() > 0; }
  // trusted says that a connection is only made to a server that the CA vouches for.
  bool trusted() const { return tls && ca.length() > 0; }
  bool sameServer(const Values& other) const { return server == other.server && port == other.port; }
};

// Settings belongs to loop().
class Settings {
 public:
  // A certificate must fit one entry of the flash's key-value store.
  static constexpr size_t kMaxCA = 3900;
  static constexpr uint32_t kShortest = 1000;  // what a DHT11 can do
  static constexpr uint32_t kLongest = 24u * 3600 * 1000;

  void load() {
    if (!open_) open_ = store_.begin("vaiven");
    Values& v = stored_;
    v.ssid = store_.getString("ssid");
    v.password = store_.getString("password");
    v.server = store_.getString("server", v.server);
    v.port = store_.getUShort("port", v.port);
    v.device = store_.getString("device", v.device);
    v.interval = store_.getUInt("interval", v.interval);
    v.tls = store_.getBool("tls", v.tls);
    v.sleep = store_.getBool("sleep");
    v.spanish = store_.getBool("spanish", v.spanish);
    v.ca = store_.getString("ca", v.ca);
    v.token = store_.getString("token", v.token);
    v.tokenTyped = store_.getBool("tokenTyped", v.tokenTyped);
    v.foundHost = store_.getString("foundHost");
    v.foundPort = store_.getUShort("foundPort");
    now_ = stored_;
  }

  // now is what the board works with since it began. Only the language, and what the
  // server gives, change in it.
  const Values& now() const { return now_; }
  // stored is what counts after a restart.
  const Values& stored() const { return stored_; }

  // --- a person's ---
  //
  // Each setter writes at once, and returns false for what cannot be right.

  bool setWifi(const String& name, const String& key) {
    if (name.length() == 0 || name.length() > 32 || key.length() > 64) return false;
    stored_.ssid = name;
    stored_.password = key;
    return write("ssid", name) && write("password", key);
  }
  bool setServer(const String& host, long number) {
    if (host.length() == 0 || host.length() > 253 || number < 1 || number > 65535) return false;
    stored_.server = host;
    stored_.port = static_cast<uint16_t>(number);
    return storeFound("", 0) && write("server", host) && store_.putUShort("port", stored_.port) > 0;
  }
  // A token belongs to one device at one server.
  bool setDevice(const String& id) {
    if (id.length() == 0 || id.length() > vaiven::kMaxDevice) return false;
    if (id != stored_.device && !forgetToken()) return false;
    stored_.device = id;
    return write("device", id);
  }
  bool setInterval(float seconds) {
    const float ms = seconds * 1000;
    if (!(ms >= kShortest && ms <= kLongest)) return false;
    stored_.interval = static_cast<uint32_t>(ms);
    return store_.putUInt("interval", stored_.interval) > 0;
  }
  bool setTLS(bool on) {
    stored_.tls = on;
    return store_.putBool("tls", on) > 0;
  }
  bool setSleep(bool on) {
    stored_.sleep = on;
    return store_.putBool("sleep", on) > 0;
  }
  // The board's words change at once: whoever asks for it reads on.
  bool setSpanish(bool on) {
    stored_.spanish = now_.spanish = on;
    return store_.putBool("spanish", on) > 0;
  }
  bool setCA(const String& pem) {
    if (pem.length() > 0 && (pem.length() > kMaxCA || !isCertificate(pem))) return false;
    stored_.ca = pem;
    return write("ca", pem);
  }
  bool setToken(const String& text) {
    return vaiven::validToken(text.c_str(), text.length()) && storeToken(text, true);
  }
  bool forgetToken() { return storeToken("", false); }
  void forgetAll() {
    store_.clear();
    stored_ = Values();
    stored_.spanish = now_.spanish;
  }

  // --- the server's ---
  //
  // It counts at once, and is stored unless somebody wants another device or server
  // from the next start on.

  // keepToken is false for one that comes in the clear while the board has one from a
  // person: who can answer in the server's place must not take it away.
  bool keepToken(const String& text, bool trusted) {
    if (!trusted && now_.token.length() > 0 && now_.tokenTyped) return false;
    const bool typedMeanwhile = stored_.token != now_.token;
    now_.token = text;
    now_.tokenTyped = false;
    if (now_.device == stored_.device && now_.sameServer(stored_) && !typedMeanwhile) storeToken(text, false);
    return true;
  }
  // keepFound is called after each WELCOME, and writes only what is new.
  void keepFound(const String& host, uint16_t number) {
    now_.foundHost = host;
    now_.foundPort = number;
    if (now_.sameServer(stored_)) storeFound(host, number);
  }

 private:
  bool storeToken(const String& text, bool typed) {
    stored_.token = text;
    stored_.tokenTyped = typed;
    return write("token", text) && store_.putBool("tokenTyped", typed) > 0;
  }
  bool storeFound(const String& host, uint16_t number) {
    if (host == stored_.foundHost && number == stored_.foundPort) return true;
    stored_.foundHost = host;
    stored_.foundPort = number;
    return write("foundHost", host) && store_.putUShort("foundPort", number) > 0;
  }
  bool write(const char* key, const String& text) {
    if (text.length() == 0) {
      if (store_.isKey(key)) store_.remove(key);
      return true;
    }
    return store_.putString(key, text) > 0;
  }

  Values now_, stored_;
  Preferences store_;
  bool open_ = false;
};
