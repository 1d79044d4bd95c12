// Settings over the serial port, a command per line.
#pragma once

#include <Arduino.h>

#include "say.h"
#include "settings.h"

class Console {
 public:
  // What the sketch does when a line asks for it.
  struct Actions {
    void (*restart)();
    void (*status)();
    void (*portal)();
    void (*hang)(const String& task);
  };

  Console(Settings& settings, const Words& words, const Actions& actions)
      : settings_(settings), words_(words), actions_(actions) {}

  void tick() {
    while (Serial.available() > 0) {
      const char c = static_cast<char>(Serial.read());
      typedAt_ = millis();
      typed_ = true;
      if (c == '\n' || c == '\r') {
        line();
      } else if (length_ < sizeof line_ - 1) {
        line_[length_++] = c;
      }
    }
  }
  // busy says that somebody typed lately: no time to sleep.
  bool busy() const { return typed_ && millis() - typedAt_ < kAttention; }

 private:
  static constexpr uint32_t kAttention = 60000;
  static constexpr int kWords = 3;

  void line() {
    line_[length_] = '\0';
    length_ = 0;
    if (pasting_) return paste();
    String word[kWords];
    const int n = split(word);
    if (n > 0) obey(n, word);
  }

  // split separates words; "double quotes" keep spaces together.
  int split(String (&word)[kWords]) {
    int n = 0;
    for (const char* p = line_; *p != '\0' && n < kWords;) {
      while (*p == ' ') p++;
      const bool quoted = *p == '"';
      if (quoted) p++;
      if (*p == '\0') break;
      while (*p != '\0' && *p != (quoted ? '"' : ' ')) word[n] += *p++;
      if (quoted && *p == '"') p++;
      n++;
    }
    return n;
  }

  void obey(int n, String (&word)[kWords]) {
    const String& verb = word[0];
    if (verb == "help") return help();
    if (verb == "show") return show();
    if (verb == "status") return actions_.status();
    if (verb == "restart") return actions_.restart();
    if (verb == "portal") return actions_.portal();
    if (verb == "hang") return actions_.hang(word[1]);
    if (verb == "ca" && n == 1) return beginPaste();
    if (verb == "forget") {
      settings_.forgetAll();
      return stored(true);
    }
    stored(set(n, word));
  }

  // set is false for what it does not understand.
  bool set(int n, String (&word)[kWords]) {
    const String &verb = word[0], &first = word[1], &second = word[2];
    const bool on = first == "on";
    const bool onOff = on || first == "off";
    if (verb == "wifi" && n >= 2) return settings_.setWifi(first, second);
    if (verb == "server" && n >= 2) return settings_.setServer(first, n == 3 ? second.toInt() : settings_.stored().port);
    if (verb == "device" && n == 2) return settings_.setDevice(first);
    if (verb == "interval" && n == 2) return settings_.setInterval(first.toFloat());
    if (verb == "tls" && onOff) return settings_.setTLS(on);
    if (verb == "sleep" && onOff) return settings_.setSleep(on);
    if (verb == "ca" && first == "off") return settings_.setCA("");
    if (verb == "token" && n == 2) return first == "off" || first == "forget" ? settings_.forgetToken() : settings_.setToken(first);
    if (verb == "lang" && (first == "es" || first == "en")) return settings_.setSpanish(first == "es");
    return false;
  }

  void stored(bool ok) {
    Serial.println(ok ? words_.say("Saved. It counts after: restart", "Guardado. Vale después de: restart")
                      : words_.say("I did not understand that. Type: help", "No entendí eso. Escribe: help"));
  }

  void beginPaste() {
    pasting_ = true;
    pem_ = "";
    Serial.println(words_.say("Paste the certificate (PEM) now", "Pega ahora el certificado (PEM)"));
  }
  void paste() {
    pem_ += line_;
    pem_ += "\n";
    const bool whole = pem_.indexOf("-----END CERTIFICATE-----") >= 0;
    if (!whole && pem_.length() <= Settings::kMaxCA) return;
    pasting_ = false;
    stored(settings_.setCA(pem_));
    pem_ = "";
  }

  void help() {
    Serial.println("wifi SSID PASSWORD | server HOST [PORT] | server auto | device 101 | interval 2");
    Serial.println("tls on|off | ca | ca off | token vvn_... | token off | sleep on|off | lang es|en");
    Serial.println("show | status | portal | restart | forget | hang loop|sensor|panel");
    Serial.println(words_.say("Quotes keep spaces together: wifi \"My network\" \"my key\"",
                              "Las comillas juntan espacios: wifi \"Mi red\" \"mi clave\""));
  }

  // show prints what counts after a restart, and never a secret.
  void show() {
    const Values& s = settings_.stored();
    Serial.printf("wifi \"%s\" %s\n", s.ssid.c_str(), s.password.length() > 0 ? "******" : "\"\"");
    Serial.printf("server %s %u\n", s.server.c_str(), static_cast<unsigned>(s.port));
    Serial.printf("found %s %u\n", s.foundHost.c_str(), static_cast<unsigned>(s.foundPort));
    Serial.printf("device %s\n", s.device.c_str());
    Serial.printf("interval %g\n", s.interval / 1000.0);
    Serial.printf("tls %s, ca %u bytes, token %s\n", s.tls ? "on" : "off", static_cast<unsigned>(s.ca.length()),
                  s.token.length() > 0 ? "yes" : "no");
    Serial.printf("sleep %s\n", s.sleep ? "on" : "off");
  }

  Settings& settings_;
  const Words& words_;
  const Actions& actions_;
  char line_[200];
  size_t length_ = 0;
  bool pasting_ = false;
  String pem_;
  bool typed_ = false;
  uint32_t typedAt_ = 0;
};
