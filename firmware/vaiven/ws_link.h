// The WebSocket: Links2004's library, as the core wants it. When to dial, to ping
// and to give up is the core's business: the library's own reconnecting and
// heartbeat stay out of it (its heartbeat counts from the connection before).
#pragma once

#include <Arduino.h>
#include <WebSocketsClient.h>
#include <vaiven.h>

#include "finder.h"
#include "settings.h"

class WsLink final : public vaiven::Link {
 public:
  // refused is told the HTTP status of a handshake that the server refused.
  WsLink(vaiven::Board& board, const Values& settings, void (*refused)(int status))
      : board_(board), settings_(settings), refused_(refused), finder_(settings) {}

  void begin() {
    ws_.onEvent([this](WStype_t type, uint8_t* payload, size_t length) { event(type, payload, length); });
    // The library dials at once after an end, but for this; then the core waits.
    ws_.setReconnectInterval(kPause);
  }

  // tick lets the library work, when the core wants a connection. mayDial false is
  // for when there is no Wi-Fi, or no time to wait for a server that may be dead.
  void tick(bool mayDial) {
    if (!board_.wantsLink() || (!mayDial && !open_)) return;
    if (!aimed_ && !aim()) return;
    ws_.loop();
  }

  // place is where it dials, or has dialled.
  const Place& place() const { return place_; }

  // --- the core's side ---

  bool send(char* text, size_t length) override {
    const bool ok = ws_.sendTXT(reinterpret_cast<uint8_t*>(text) - kHeadroom, length, true);
    board_.elapsed(millis());  // a full socket blocks for up to ten seconds
    return ok;
  }
  void ping() override { ws_.sendPing(); }
  void close() override {
    ws_.disconnect();
    open_ = false;
  }
  bool trusted() const override { return settings_.trusted(); }

 private:
  static constexpr uint32_t kPause = 100;
  static_assert(kHeadroom == WEBSOCKETS_MAX_HEADER_SIZE, "room for the frame's header");

  // aim looks where the server is, and tells the library. Never while connected:
  // the library would leak the connection.
  bool aim() {
    if (!finder_.look(place_)) {
      board_.onClose(millis());  // as if dialling had failed
      return false;
    }
    // Headers first: begin() keeps them. No Origin but the library's own. The token
    // leaves the board only towards a server that the CA vouches for; others have it
    // proven by the core.
    const String bearer = "Authorization: Bearer " + settings_.token;
    ws_.setExtraHeaders(trusted() && settings_.token.length() > 0 ? bearer.c_str() : "Origin: file://");
    if (settings_.tls) {
      // The library keeps the pointer: Settings::now does not change.
      ws_.beginSslWithCA(place_.host.c_str(), place_.port, "/ws", settings_.ca.c_str(), "arduino");
    } else {
      ws_.begin(place_.host.c_str(), place_.port, "/ws", "arduino");
    }
    aimed_ = true;
    return true;
  }

  void event(WStype_t type, uint8_t* payload, size_t length) {
    const uint32_t now = millis();
    switch (type) {
      case WStype_CONNECTED:
        open_ = true;
        return board_.onOpen(now);
      case WStype_TEXT:
        return board_.onMessage(now, length > 0 ? reinterpret_cast<const char*>(payload) : "", length);
      case WStype_DISCONNECTED:
        // A place that did not answer is looked up again, and a token that came
        // goes with the next connection.
        if ((!open_ && finder_.varies()) || settings_.token != token_) aimed_ = false;
        token_ = settings_.token;
        open_ = false;
        return closed(now, statusIn(reinterpret_cast<const char*>(payload), length));
      default:
        return board_.onHeard(now);
    }
  }

  // closed tells a token that the server does not take from a server that is not
  // there. Without a status it may still be either: the answer is lost when the server
  // closes at once behind it.
  void closed(uint32_t now, int status) {
    if (status != 0) refused_(status);
    const bool token = status == 401 || status == 403;
    board_.onClose(now, token ? vaiven::kCloseUnauthorised : 0);
  }

  // statusIn finds the status in the library's text: "WebSocket handshake failed -
  // HTTP 401". 0: there is none.
  static int statusIn(const char* text, size_t length) {
    static const char mark[] = "HTTP ";
    const size_t n = sizeof mark - 1;
    int status = 0;
    for (size_t i = 0; text != nullptr && i + n + 3 <= length; i++) {
      if (memcmp(text + i, mark, n) == 0) status = atoi(String(text + i + n, 3).c_str());
    }
    return status;
  }

  vaiven::Board& board_;
  const Values& settings_;
  void (*refused_)(int status);
  Finder finder_;
  WebSocketsClient ws_;
  Place place_;
  String token_;
  bool aimed_ = false;
  bool open_ = false;
};
