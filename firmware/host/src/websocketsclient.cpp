#include <WebSocketsClient.h>
#include <openssl/evp.h>
#include <openssl/sha.h>

#include <vector>

#include "clock.h"
#include "report.h"
#include "wire.h"

namespace {

String base64(const uint8_t* data, size_t n) {
  std::vector<uint8_t> out(n * 4 / 3 + 8);
  int size = EVP_EncodeBlock(out.data(), data, int(n));
  return String(reinterpret_cast<char*>(out.data()), unsigned(size));
}

// acceptFor is what the server must answer to a key (RFC 6455, 4.2.2).
String acceptFor(const String& key) {
  String text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  uint8_t digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const uint8_t*>(text.c_str()), text.length(), digest);
  return base64(digest, sizeof digest);
}

}  // namespace

WebSocketsClient::WebSocketsClient() = default;

WebSocketsClient::~WebSocketsClient() { disconnect(); }

void WebSocketsClient::begin(const char* host, uint16_t port, const char* url, const char* protocol) {
  if (wire_) {
    host::Event("leaked_connection").text("host", host_.c_str());
    (void)wire_.release();
  }
  host_ = host, port_ = port, url_ = url, protocol_ = protocol;
  secure_ = false, ca_ = nullptr;
  state_ = State::away;
  basicAuthorization_ = plainAuthorization_ = "";
  lastPing_ = 0, pongReceived_ = false, pongsMissed_ = 0;
  randomSeed(millis());
  lastFail_ = headerSent_ = 0;
}

void WebSocketsClient::begin(String host, uint16_t port, String url, String protocol) {
  begin(host.c_str(), port, url.c_str(), protocol.c_str());
}

void WebSocketsClient::begin(IPAddress host, uint16_t port, const char* url, const char* protocol) {
  begin(host.toString().c_str(), port, url, protocol);
}

void WebSocketsClient::beginSSL(const char* host, uint16_t port, const char* url, const char*, const char* protocol) {
  begin(host, port, url, protocol);
  secure_ = true;
}

void WebSocketsClient::beginSslWithCA(const char* host, uint16_t port, const char* url, const char* CA_cert,
                                      const char* protocol) {
  begin(host, port, url, protocol);
  secure_ = true;
  ca_ = CA_cert;
}

void WebSocketsClient::loop() {
  if (port_ == 0) return;
  yield();
  if (alive()) {
    receive();
    if (state_ == State::open) heartbeat();
    return;
  }
  if (uint32_t(millis() - lastFail_) >= reconnectInterval_) dial();
}

// alive cleans up behind a connection that ended, or that never began.
bool WebSocketsClient::alive() {
  if (!wire_) return false;
  bool had = state_ != State::away;
  if (wire_->connected() && had) return true;
  drop(had ? "Connection lost" : "TCP connection cleanup");
  return false;
}

void WebSocketsClient::dial() {
  wire_ = std::make_unique<host::Wire>();
  if (secure_) wire_->secure(ca_);
  if (!wire_->dial(host_.c_str(), port_, WEBSOCKETS_TCP_TIMEOUT)) {
    lastFail_ = millis();
    return;
  }
  state_ = State::handshake;
  askUpgrade();
  lastFail_ = 0;
}

void WebSocketsClient::drop(const String& reason) {
  bool had = wire_ != nullptr;
  wire_.reset();
  code_ = 0;
  key_ = accept_ = "";
  upgrade_ = websocket_ = false;
  state_ = State::away;
  lastFail_ = millis();
  if (!had) return;
  host::Event("disconnected").text("reason", reason.c_str());
  String text = reason;  // the handler may write into it
  raise(WStype_DISCONNECTED, text.isEmpty() ? nullptr : reinterpret_cast<uint8_t*>(text.begin()), text.length());
}

void WebSocketsClient::dropWith(uint16_t code) {
  uint8_t body[2] = {uint8_t(code >> 8), uint8_t(code)};
  sendFrame(0x8, body, 2);
  drop();
}

void WebSocketsClient::askUpgrade() {
  uint8_t nonce[16];
  for (uint8_t& b : nonce) b = uint8_t(random(0xFF));
  key_ = base64(nonce, sizeof nonce);
  String h = "GET " + url_ + " HTTP/1.1\r\nHost: " + host_ + ":" + port_ + "\r\n";
  h += "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
  h += "Sec-WebSocket-Key: " + key_ + "\r\n";
  if (protocol_.length()) h += "Sec-WebSocket-Protocol: " + protocol_ + "\r\n";
  if (extraHeaders_.length()) h += extraHeaders_ + "\r\n";
  h += "User-Agent: arduino-WebSocket-Client\r\n";
  if (basicAuthorization_.length()) h += "Authorization: Basic " + basicAuthorization_ + "\r\n";
  if (plainAuthorization_.length()) h += "Authorization: " + plainAuthorization_ + "\r\n";
  h += "\r\n";
  writeAll(reinterpret_cast<const uint8_t*>(h.c_str()), h.length());
  headerSent_ = millis();
  headerSentUs_ = host::sinceBootUs();
}

// handshakeLate has the library's comparison, which is wrong when headerSent_ +
// 5000 rolls over; without that, the machine's own slowness is allowed for.
bool WebSocketsClient::handshakeLate() const {
  uint32_t end = headerSent_ + WEBSOCKETS_TCP_TIMEOUT;
  if (end >= millis()) return false;
  double realMs = host::realMs((host::sinceBootUs() - headerSentUs_) / 1000);
  return end < headerSent_ || realMs >= host::patienceMs();
}

void WebSocketsClient::receive() {
  if (state_ == State::handshake && handshakeLate()) {
    drop("Header response timeout");
    return;
  }
  if (wire_->available() == 0) return;
  if (state_ == State::handshake) {
    String line;
    for (uint8_t c = 0; line.length() < 4096 && c != '\n' && readExactly(&c, 1);) line += char(c);
    headerLine(line);
    return;
  }
  receiveFrame();
}

void WebSocketsClient::headerLine(String line) {
  line.trim();
  if (line.isEmpty()) {
    headersRead();
    return;
  }
  if (line.startsWith("HTTP/1.")) {
    code_ = int(line.substring(9).toInt());
    return;
  }
  int colon = line.indexOf(':');
  if (colon < 0) return;
  String name = line.substring(0, unsigned(colon)), value = line.substring(unsigned(colon) + 1);
  value.trim();
  if (name.equalsIgnoreCase("Connection")) upgrade_ = upgrade_ || value.equalsIgnoreCase("upgrade");
  if (name.equalsIgnoreCase("Upgrade")) websocket_ = websocket_ || value.equalsIgnoreCase("websocket");
  if (name.equalsIgnoreCase("Sec-WebSocket-Accept")) accept_ = value;
  if (name.equalsIgnoreCase("Sec-WebSocket-Protocol")) protocol_ = value;
}

void WebSocketsClient::headersRead() {
  if (upgrade_ && websocket_ && code_ == 101 && accept_ == acceptFor(key_)) {
    state_ = State::open;
    host::Event("connected").text("url", url_.c_str()).text("protocol", protocol_.c_str());
    raise(WStype_CONNECTED, reinterpret_cast<uint8_t*>(url_.begin()), url_.length());
    return;
  }
  host::Event("upgrade_refused").number("status", code_);
  String status = "HTTP " + String(code_);
  if (upgrade_ && websocket_ && code_ != 101) return drop(status);
  static const char farewell[] = "This is a webSocket client!";
  if (alive()) writeAll(reinterpret_cast<const uint8_t*>(farewell), sizeof farewell - 1);
  drop(code_ > 0 ? "WebSocket handshake failed - " + status : String("WebSocket handshake failed"));
}

bool WebSocketsClient::isConnected() { return state_ == State::open; }

void WebSocketsClient::disconnect() {
  if (alive()) dropWith(1000);
}

void WebSocketsClient::setAuthorization(const char* user, const char* password) {
  if (!user || !password) return;
  String both = String(user) + ":" + password;
  basicAuthorization_ = base64(reinterpret_cast<const uint8_t*>(both.c_str()), both.length());
}

void WebSocketsClient::setAuthorization(const char* auth) {
  if (auth) plainAuthorization_ = auth;
}

void WebSocketsClient::setExtraHeaders(const char* extraHeaders) { extraHeaders_ = extraHeaders; }

void WebSocketsClient::setReconnectInterval(unsigned long time) { reconnectInterval_ = uint32_t(time); }

void WebSocketsClient::enableHeartbeat(uint32_t pingInterval, uint32_t pongTimeout, uint8_t disconnectTimeoutCount) {
  pingInterval_ = pingInterval, pongTimeout_ = pongTimeout, disconnectAfter_ = disconnectTimeoutCount;
  pongReceived_ = false;
}

// heartbeat keeps the library's fault: after a reconnect lastPing_ and
// pongsMissed_ are still those of the connection before.
void WebSocketsClient::heartbeat() {
  if (pingInterval_ == 0) return;
  if (uint32_t(millis() - lastPing_) > pingInterval_) {
    if (!sendPing()) {
      dropWith(1000);
      return;
    }
    pongReceived_ = false;
  }
  if (pongReceived_) {
    pongsMissed_ = 0;
    return;
  }
  if (uint32_t(millis() - lastPing_) <= pongTimeout_) return;
  pongsMissed_++;
  lastPing_ = millis() - pingInterval_ - 500;
  if (disconnectAfter_ && pongsMissed_ >= disconnectAfter_) drop();
}

void WebSocketsClient::raise(WStype_t type, uint8_t* payload, size_t length) {
  if (event_) event_(type, payload, length);
}
