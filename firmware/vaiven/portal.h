// Settings over Wi-Fi: the board opens a network of its own, answers every name
// with itself, and shows one form. Work goes on meanwhile, over a connection that
// stands; none is sought (Wireless::tick, WsLink::tick), since both would block it.
#pragma once

#include <Arduino.h>
#include <DNSServer.h>
#include <WebServer.h>
#include <WiFi.h>

#include "say.h"
#include "settings.h"

class Portal {
 public:
  Portal(Settings& settings, const Words& words, void (*restart)())
      : settings_(settings), words_(words), restart_(restart) {}

  bool open() const { return open_; }

  // begin opens it. The network has no password: whoever is near and sees it may
  // change settings, but reads no secret; it is open only after somebody held the
  // button, or while there are no settings at all.
  void begin(uint32_t now) {
    visitedAt_ = now;
    if (open_) return;
    open_ = true;
    WiFi.mode(WIFI_AP_STA);
    WiFi.softAP(name().c_str());
    dns_.start(53, "*", WiFi.softAPIP());
    if (!routed_) {
      routed_ = true;
      server_.on("/save", HTTP_POST, [this] { save(); });
      server_.onNotFound([this] { page(words_.say("Settings of this board", "Ajustes de esta placa")); });
    }
    server_.begin();
    Serial.printf("%s %s, http://%s\n", words_.say("Portal open: network", "Portal abierto: red"), name().c_str(),
                  WiFi.softAPIP().toString().c_str());
  }

  void tick() {
    if (!open_) return;
    dns_.processNextRequest();
    server_.handleClient();
    const uint32_t idle = millis() - visitedAt_;
    if (saved_ && idle >= kFarewell) restart_();
    // A board in use closes it again when nobody comes.
    if (settings_.now().complete() && idle >= kOpenAtMost) end();
  }

  // name is that of the network: the chip's last digits tell boards apart.
  static String name() {
    char out[16];
    const uint64_t mac = ESP.getEfuseMac();  // the first byte is the lowest
    snprintf(out, sizeof out, "vaiven-%02X%02X", static_cast<unsigned>(mac >> 32 & 0xff), static_cast<unsigned>(mac >> 40 & 0xff));
    return out;
  }

 private:
  static constexpr uint32_t kOpenAtMost = 600000;
  static constexpr uint32_t kFarewell = 1500;  // until the page has left

  void end() {
    open_ = false;
    server_.stop();
    dns_.stop();
    WiFi.softAPdisconnect(false);
    WiFi.mode(WIFI_STA);
  }

  void save() {
    visitedAt_ = millis();
    String wrong;
    check(wrong, "Wi-Fi", settings_.setWifi(server_.arg("ssid"), secret("password", settings_.stored().password)));
    check(wrong, words_.say("server", "servidor"), settings_.setServer(server_.arg("server"), server_.arg("port").toInt()));
    check(wrong, words_.say("device", "placa"), settings_.setDevice(server_.arg("device")));
    check(wrong, words_.say("interval", "intervalo"),
          settings_.setInterval(server_.arg("interval").toFloat()));
    check(wrong, "token", server_.arg("token").length() == 0 || settings_.setToken(server_.arg("token")));
    settings_.setTLS(server_.hasArg("tls"));
    settings_.setSleep(server_.hasArg("sleep"));
    check(wrong, "CA", settings_.setCA(secret("ca", settings_.stored().ca)));
    if (wrong.length() > 0) return page(String(words_.say("Please correct: ", "Corrige por favor: ")) + wrong);
    saved_ = true;
    server_.send(200, "text/html; charset=utf-8",
                 words_.say("<p>Saved. The board restarts.</p>", "<p>Guardado. La placa se reinicia.</p>"));
  }

  static void check(String& wrong, const char* what, bool ok) {
    if (!ok) wrong += (wrong.length() > 0 ? ", " : "") + String(what);
  }

  // secret is what was typed; an empty field means as before.
  String secret(const char* field, const String& before) {
    const String text = server_.arg(field);
    return text.length() > 0 ? text : before;
  }

  void page(const String& title) {
    visitedAt_ = millis();
    const Values& s = settings_.stored();
    String h = "<!doctype html><meta name=viewport content='width=device-width'><title>vaiven</title>";
    h += "<style>body{font:1.1em sans-serif;max-width:28em;margin:1em auto;padding:0 1em}"
         "label{display:block;margin:.7em 0}input:not([type=checkbox]),textarea{width:100%;font:inherit}</style><h1>vaiven</h1>";
    h += "<p>" + escaped(title) + "</p><form method=post action=/save>";
    field(h, words_.say("Wi-Fi (2.4 GHz)", "Wi-Fi (2,4 GHz)"), "ssid", s.ssid);
    field(h, words_.say("Password (empty: as before)", "Clave (vacía: como antes)"), "password", "", "password");
    field(h, words_.say("Server: auto, a name or an address", "Servidor: auto, un nombre o una dirección"), "server", s.server);
    field(h, words_.say("Port", "Puerto"), "port", String(s.port));
    field(h, words_.say("Number of this board", "Número de esta placa"), "device", s.device);
    field(h, words_.say("Seconds between readings", "Segundos entre lecturas"), "interval", String(s.interval / 1000.0f, 1));
    box(h, words_.say("Sleep between readings (battery)", "Dormir entre lecturas (batería)"), "sleep", s.sleep);
    field(h, words_.say("Token, vvn_... (empty: as before)", "Token, vvn_... (vacío: como antes)"), "token", "", "password");
    box(h, "TLS (wss)", "tls", s.tls);
    h += String("<label>") + words_.say("Certificate of the CA, PEM (empty: as before)", "Certificado de la CA, PEM (vacío: como antes)");
    h += "<textarea name=ca rows=4></textarea></label><button>OK</button></form>";
    server_.send(200, "text/html; charset=utf-8", h);
  }

  static void field(String& h, const char* label, const char* name, const String& value, const char* type = "text") {
    h += String("<label>") + label + "<input type=" + type + " name=" + name + " value=\"" + escaped(value) + "\"></label>";
  }
  static void box(String& h, const char* label, const char* name, bool on) {
    h += String("<label><input type=checkbox name=") + name + (on ? " checked> " : "> ") + label + "</label>";
  }
  static String escaped(const String& text) {
    String out = text;
    out.replace("&", "&amp;");
    out.replace("<", "&lt;");
    out.replace("\"", "&quot;");
    return out;
  }

  Settings& settings_;
  const Words& words_;
  void (*restart_)();
  WebServer server_{80};
  DNSServer dns_;
  bool open_ = false;
  bool routed_ = false;
  bool saved_ = false;
  uint32_t visitedAt_ = 0;
};
