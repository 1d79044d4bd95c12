// Stand-in for the client of Links2004's "WebSockets" 2.7.3: its order of
// events, its headers, where it blocks, how it reconnects, and its faults:
//
// - a dial that fails raises DISCONNECTED at the next loop(), and the reconnect
//   interval counts from there;
// - DISCONNECTED carries text: "TCP connection cleanup" after a failed dial,
//   "WebSocket handshake failed - HTTP 401" or "HTTP 401" after a refused handshake,
//   "Header response timeout", "Connection lost"; nothing after a close frame or
//   disconnect();
// - a write that stalls blocks for 10 s (the ten tries of the core's NetworkClient),
//   and the close frame of the disconnect() behind it for another 10;
// - what is received and not read yet is lost when the server's FIN is there, be it
//   the last lines of a refused handshake: then it says "Connection lost";
// - one loop() reads one header line or one frame;
// - begin() calls randomSeed(millis()), and forgets the authorization but not the
//   extra headers; called while connected it leaks the connection;
// - the heartbeat counts from the last ping of the connection before;
// - a handshake within five seconds before the rollover of millis() is given up
//   at once;
// - an empty message is handed over as a null pointer; fragments are not joined;
//   more than 15 KiB closes with 1009; the pinned CA is kept as a pointer.
#pragma once

#include <WebSockets.h>

#include <memory>

namespace host {
class Wire;
}

class WebSocketsClient {
 public:
  typedef std::function<void(WStype_t type, uint8_t* payload, size_t length)> WebSocketClientEvent;

  WebSocketsClient();
  virtual ~WebSocketsClient();

  void begin(const char* host, uint16_t port, const char* url = "/", const char* protocol = "arduino");
  void begin(String host, uint16_t port, String url = "/", String protocol = "arduino");
  void begin(IPAddress host, uint16_t port, const char* url = "/", const char* protocol = "arduino");
  void beginSSL(const char* host, uint16_t port, const char* url = "/", const char* fingerprint = "",
                const char* protocol = "arduino");
  void beginSslWithCA(const char* host, uint16_t port, const char* url = "/", const char* CA_cert = nullptr,
                      const char* protocol = "arduino");

  void loop();
  void onEvent(WebSocketClientEvent event) { event_ = event; }

  bool sendTXT(uint8_t* payload, size_t length = 0, bool headerToPayload = false);
  bool sendTXT(const uint8_t* payload, size_t length = 0);
  bool sendTXT(char* payload, size_t length = 0, bool headerToPayload = false);
  bool sendTXT(const char* payload, size_t length = 0);
  bool sendTXT(String& payload);
  bool sendTXT(char payload);
  bool sendBIN(uint8_t* payload, size_t length, bool headerToPayload = false);
  bool sendBIN(const uint8_t* payload, size_t length);
  bool sendPing(uint8_t* payload = nullptr, size_t length = 0);
  bool sendPing(String& payload);
  void disconnect();

  void setAuthorization(const char* user, const char* password);
  void setAuthorization(const char* auth);
  void setExtraHeaders(const char* extraHeaders = nullptr);
  void setReconnectInterval(unsigned long time);
  void enableHeartbeat(uint32_t pingInterval, uint32_t pongTimeout, uint8_t disconnectTimeoutCount);
  void disableHeartbeat() { pingInterval_ = 0; }
  bool isConnected();

 private:
  enum class State { away, handshake, open };
  struct Frame;

  bool alive();
  void dial();
  void drop(const String& reason = String());
  void dropWith(uint16_t code);
  void askUpgrade();
  void receive();
  bool handshakeLate() const;
  void headerLine(String line);
  void headersRead();
  void receiveFrame();
  bool readExactly(uint8_t* out, size_t n);
  bool readFrame(Frame& f);
  void frameRead(Frame& f);
  void deliver(Frame& f);
  bool sendFrame(uint8_t opcode, uint8_t* payload, size_t length, bool headerToPayload = false);
  bool writeAll(const uint8_t* data, size_t n);
  void heartbeat();
  void raise(WStype_t type, uint8_t* payload, size_t length);

  WebSocketClientEvent event_;
  String host_, url_, protocol_;
  uint16_t port_ = 0;
  bool secure_ = false;
  const char* ca_ = nullptr;
  String extraHeaders_ = "Origin: file://";
  String basicAuthorization_, plainAuthorization_;

  std::unique_ptr<host::Wire> wire_;
  State state_ = State::away;
  String key_;
  int code_ = 0;
  bool upgrade_ = false, websocket_ = false;
  String accept_;

  uint32_t reconnectInterval_ = 500;
  uint32_t lastFail_ = 0;
  uint32_t headerSent_ = 0;
  uint64_t headerSentUs_ = 0;

  uint32_t pingInterval_ = 0, pongTimeout_ = 0, lastPing_ = 0;
  uint8_t disconnectAfter_ = 0, pongsMissed_ = 0;
  bool pongReceived_ = false;
};
