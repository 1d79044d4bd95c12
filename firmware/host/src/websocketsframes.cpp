// The frames of WebSocketsClient: RFC 6455, section 5, in the library's ways.
#include <WebSocketsClient.h>

#include <vector>

#include "clock.h"
#include "report.h"
#include "wire.h"

namespace {
enum : uint8_t { opContinuation = 0x0, opText = 0x1, opBinary = 0x2, opClose = 0x8, opPing = 0x9, opPong = 0xA };
}

struct WebSocketsClient::Frame {
  bool fin = false;
  uint8_t opcode = 0;
  std::vector<uint8_t> payload;  // and a zero byte behind it
  size_t length = 0;

  uint8_t* data() { return length ? payload.data() : nullptr; }
  std::string_view text() const { return {reinterpret_cast<const char*>(payload.data()), length}; }
};

// readExactly waits for n bytes, up to five seconds after the last that came.
bool WebSocketsClient::readExactly(uint8_t* out, size_t n) {
  auto deadline = host::Deadline(WEBSOCKETS_TCP_TIMEOUT);
  while (n > 0) {
    if (!wire_ || !wire_->connected() || deadline.passed()) return false;
    size_t got = wire_->read(out, n);
    if (got == 0) {
      delay(1);
      continue;
    }
    deadline = host::Deadline(WEBSOCKETS_TCP_TIMEOUT);
    out += got;
    n -= got;
  }
  return true;
}

bool WebSocketsClient::readFrame(Frame& f) {
  uint8_t head[14];
  if (!readExactly(head, 2)) {
    dropWith(1002);
    return false;
  }
  f.fin = head[0] & 0x80, f.opcode = head[0] & 0x0f;
  uint64_t length = head[1] & 0x7f;
  size_t more = length == 126 ? 2 : (length == 127 ? 8 : 0);
  if (!readExactly(head + 2, more)) {
    dropWith(1002);
    return false;
  }
  for (size_t i = 0; i < more; i++) length = (i ? length << 8 : 0) | head[2 + i];
  if (length > WEBSOCKETS_MAX_DATA_SIZE) {
    dropWith(1009);
    return false;
  }
  f.length = size_t(length);
  f.payload.assign(f.length + 1, 0);
  uint8_t mask[4] = {0, 0, 0, 0};
  if (((head[1] & 0x80) && !readExactly(mask, 4)) || !readExactly(f.payload.data(), f.length)) {
    dropWith(1002);
    return false;
  }
  for (size_t i = 0; i < f.length; i++) f.payload[i] ^= mask[i % 4];
  return true;
}

void WebSocketsClient::receiveFrame() {
  Frame f;
  if (readFrame(f)) frameRead(f);
}

void WebSocketsClient::frameRead(Frame& f) {
  switch (f.opcode) {
    case opText:
      host::Event("received").text("text", f.text());
      break;
    case opPing:
      sendFrame(opPong, f.data(), f.length);
      break;
    case opPong:
      pongReceived_ = true;
      break;
    case opClose: {
      int code = f.length >= 2 ? f.payload[0] << 8 | f.payload[1] : 1005;
      host::Event("closed").number("code", code).text("reason", f.length > 2 ? f.text().substr(2) : "");
      dropWith(1000);
      return;
    }
    case opContinuation:
    case opBinary:
      break;
    default:
      dropWith(1002);
      return;
  }
  deliver(f);
}

void WebSocketsClient::deliver(Frame& f) {
  WStype_t type = WStype_ERROR;
  switch (f.opcode) {
    case opText: type = f.fin ? WStype_TEXT : WStype_FRAGMENT_TEXT_START; break;
    case opBinary: type = f.fin ? WStype_BIN : WStype_FRAGMENT_BIN_START; break;
    case opContinuation: type = f.fin ? WStype_FRAGMENT_FIN : WStype_FRAGMENT; break;
    case opPing: type = WStype_PING; break;
    case opPong: type = WStype_PONG; break;
    default: break;
  }
  raise(type, f.data(), f.length);
}

// sendFrame packs head and payload into one write with a random mask, as the
// library does below 1,400 bytes; into the caller's own buffer with a mask of
// zeros, when that has 14 bytes of room in front (headerToPayload); else into
// two writes with a mask of zeros.
bool WebSocketsClient::sendFrame(uint8_t opcode, uint8_t* payload, size_t length, bool headerToPayload) {
  if (state_ != State::open || !wire_ || !wire_->connected()) return false;
  uint8_t head[WEBSOCKETS_MAX_HEADER_SIZE] = {uint8_t(0x80 | opcode), 0x80};
  size_t n = 2;
  if (length < 126) {
    head[1] |= uint8_t(length);
  } else if (length < 0xFFFF) {
    head[1] |= 126, head[n++] = uint8_t(length >> 8), head[n++] = uint8_t(length);
  } else {
    head[1] |= 127;
    for (int shift = 56; shift >= 0; shift -= 8) head[n++] = uint8_t(uint64_t(length) >> shift);
  }
  bool packed = !headerToPayload && length > 0 && length < 1400;
  for (int i = 0; i < 4; i++) head[n + size_t(i)] = packed ? uint8_t(random(0xFF)) : 0;
  const uint8_t* mask = head + n;
  n += 4;
  if (headerToPayload) {
    uint8_t* begin = payload + WEBSOCKETS_MAX_HEADER_SIZE - n;
    memcpy(begin, head, n);
    return writeAll(begin, n + length);
  }
  if (!packed) return writeAll(head, n) && writeAll(payload, length);
  std::vector<uint8_t> whole(head, head + n);
  for (size_t i = 0; i < length; i++) whole.push_back(payload[i] ^ mask[i % 4]);
  return writeAll(whole.data(), whole.size());
}

// writeAll blocks while the stack takes nothing, up to ten seconds. What it gave
// up leaves the connection as it is, as the library does.
bool WebSocketsClient::writeAll(const uint8_t* data, size_t n) {
  constexpr uint64_t stallMs = 10000;  // longer than WEBSOCKETS_TCP_TIMEOUT, which is looked at between
  auto deadline = host::Deadline(stallMs);
  while (n > 0) {
    if (!wire_ || !wire_->connected() || deadline.passed()) return false;
    size_t done = wire_->write(data, n);
    if (done == 0) {
      delay(1);
      continue;
    }
    deadline = host::Deadline(stallMs);
    data += done;
    n -= done;
  }
  return true;
}

bool WebSocketsClient::sendTXT(uint8_t* payload, size_t length, bool headerToPayload) {
  if (length == 0) length = strlen(reinterpret_cast<const char*>(payload));
  auto begun = int64_t(host::sincePowerOnUs() / 1000), waited = host::turnWaitedMs();
  if (!alive() || !sendFrame(opText, payload, length, headerToPayload)) return false;
  const char* text = reinterpret_cast<const char*>(payload) + (headerToPayload ? WEBSOCKETS_MAX_HEADER_SIZE : 0);
  host::Event("sent").text("text", {text, length}).number("begun", begun).number("waited", waited);
  return true;
}

bool WebSocketsClient::sendTXT(const uint8_t* payload, size_t length) {
  return sendTXT(const_cast<uint8_t*>(payload), length);
}

bool WebSocketsClient::sendTXT(char* payload, size_t length, bool headerToPayload) {
  return sendTXT(reinterpret_cast<uint8_t*>(payload), length, headerToPayload);
}

bool WebSocketsClient::sendTXT(const char* payload, size_t length) {
  return sendTXT(reinterpret_cast<const uint8_t*>(payload), length);
}

bool WebSocketsClient::sendTXT(String& payload) {
  return sendTXT(reinterpret_cast<const uint8_t*>(payload.c_str()), payload.length());
}

bool WebSocketsClient::sendTXT(char payload) {
  uint8_t buffer[WEBSOCKETS_MAX_HEADER_SIZE + 2] = {0};
  buffer[WEBSOCKETS_MAX_HEADER_SIZE] = uint8_t(payload);
  return sendTXT(buffer, 1, true);
}

bool WebSocketsClient::sendBIN(uint8_t* payload, size_t length, bool headerToPayload) {
  return alive() && sendFrame(opBinary, payload, length, headerToPayload);
}

bool WebSocketsClient::sendBIN(const uint8_t* payload, size_t length) {
  return sendBIN(const_cast<uint8_t*>(payload), length);
}

bool WebSocketsClient::sendPing(uint8_t* payload, size_t length) {
  if (!alive() || !sendFrame(opPing, payload, length)) return false;
  lastPing_ = millis();
  return true;
}

bool WebSocketsClient::sendPing(String& payload) {
  return sendPing(reinterpret_cast<uint8_t*>(payload.begin()), payload.length());
}
