#include "server_message.h"

#include <string.h>

#include "proof.h"

namespace vaiven {

namespace {

// MessageReader gathers one message, key by key.
class MessageReader {
 public:
  MessageReader(const Config& config, const char* device, ServerMessage& message)
      : config_(config), device_(device), m_(message) {}

  bool take(const Field& field);
  bool finish();

 private:
  bool kind(ServerKind kind);
  bool textOf(const Field& field, ServerKind kind);
  bool setDevice(const Field& field);
  bool setCount(const Field& field, uint64_t& value);
  bool setUntil(const Field& field);
  bool setRetry(const Field& field);
  bool setState(const Field& field);

  const Config& config_;
  const char* device_;
  ServerMessage& m_;
};

// kind keeps the most telling one.
bool MessageReader::kind(ServerKind kind) {
  if (m_.kind < kind) m_.kind = kind;
  return true;
}

bool MessageReader::textOf(const Field& field, ServerKind k) {
  if (field.kind != JsonKind::kText) return false;
  if (m_.kind < k) m_.text = field.value;
  return kind(k);
}

bool MessageReader::setDevice(const Field& field) {
  if (field.kind != JsonKind::kNumber && field.kind != JsonKind::kText) return false;
  char id[kMaxDevice + 1];
  canonicalDevice(field.value.at, field.value.length, id);
  m_.hasDevice = true;
  m_.otherDevice = field.value.length > kMaxDevice || strcmp(id, device_) != 0;
  return true;
}

bool MessageReader::setCount(const Field& field, uint64_t& value) {
  return field.kind == JsonKind::kNumber && toUnsigned(field.value, value);
}

bool MessageReader::setUntil(const Field& field) {
  if (field.kind != JsonKind::kNumber || field.value.length == 0) return false;
  if (field.value.at[0] == '-') {  // before power-up: always too late
    m_.desired.until = 0;
    return true;
  }
  return toUnsigned(field.value, m_.desired.until);
}

bool MessageReader::setRetry(const Field& field) {
  uint64_t retry = 0;
  if (!setCount(field, retry)) return false;
  m_.hasRetry = true;
  m_.retry = retry < kMaxRetry ? static_cast<uint32_t>(retry) : kMaxRetry;
  return true;
}

// setState takes a value of the table; what is not in it is of a later server,
// and what is no number cannot be set.
bool MessageReader::setState(const Field& field) {
  for (uint8_t i = 0; i < config_.stateCount; i++) {
    if (!field.key.is(config_.states[i].name)) continue;
    int32_t value = field.kind == JsonKind::kTrue;
    const bool known = field.kind == JsonKind::kTrue || field.kind == JsonKind::kFalse ||
                       (field.kind == JsonKind::kNumber && toWhole(field.value, value));
    if (!known) return true;
    m_.desired.named |= 1u << i;
    m_.desired.value[i] = value;
  }
  return true;
}

Verdict verdictOf(const Slice& code) {
  static const char* const good[] = {"not_a_number", "out_of_range", "bad_name", "no_values", "too_large"};
  static const char* const now[] = {"busy", "too_fast", "device_in_use", "not_approved", "not_authorised", "bad_token"};
  for (const char* c : good) {
    if (code.is(c)) return Verdict::kForGood;
  }
  for (const char* c : now) {
    if (code.is(c)) return Verdict::kForNow;
  }
  return code.is("bad_boot") ? Verdict::kBadBoot : Verdict::kOther;
}

Access accessOf(const Slice& code) {
  if (code.is("not_approved")) return Access::kWaiting;
  if (code.is("not_authorised")) return Access::kNoToken;
  return code.is("bad_token") ? Access::kBadToken : Access::kOpen;
}

bool MessageReader::take(const Field& field) {
  const Slice& key = field.key;
  if (key.is("WELCOME")) return kind(ServerKind::kWelcome);
  if (key.is("IDDEVICE")) return setDevice(field);
  if (key.is("REV")) return setCount(field, m_.desired.rev);
  if (key.is("UNTIL")) return setUntil(field);
  if (key.is("SEQ")) return setCount(field, m_.seq);
  if (key.is("RETRY")) return setRetry(field);
  if (key.is("NONCE")) return textOf(field, ServerKind::kNonce);
  if (key.is("TOKEN")) return textOf(field, ServerKind::kToken);
  if (key.is("ERROR")) return textOf(field, ServerKind::kError);
  if (key.is("BYE")) return textOf(field, ServerKind::kBye);
  if (key.is("BOOT")) {
    m_.boot = field.value;
    return field.kind == JsonKind::kText;
  }
  if (key.is("ACK")) {
    m_.hasAck = true;
    return setCount(field, m_.ack) && kind(ServerKind::kAck);
  }
  if (key.is("CODE")) {
    m_.verdict = verdictOf(field.value);
    m_.access = accessOf(field.value);
    return field.kind == JsonKind::kText;
  }
  return setState(field);
}

// finish checks that the message has what its kind needs.
bool MessageReader::finish() {
  if (m_.desired.named != 0 || m_.desired.rev != 0) kind(ServerKind::kDesired);
  switch (m_.kind) {
    case ServerKind::kUnknown:
      return false;
    case ServerKind::kError:
    case ServerKind::kBye:
      return true;
    case ServerKind::kAck:
    case ServerKind::kWelcome:
      return m_.hasDevice && m_.hasAck && m_.boot.length > 0;
    case ServerKind::kDesired:
      return m_.hasDevice;
    case ServerKind::kNonce:
      return m_.hasDevice && validNonce(m_.text.at, m_.text.length);
    case ServerKind::kToken:
      return m_.hasDevice && validToken(m_.text.at, m_.text.length);
  }
  return false;
}

}  // namespace

bool readServer(const char* text, size_t length, const Config& config, const char* device,
                ServerMessage& message) {
  message = ServerMessage();
  MessageReader gather(config, device, message);
  ObjectReader reader(text, length);
  Field field;
  while (reader.next(field)) {
    if (!gather.take(field)) return false;
  }
  return reader.complete() && gather.finish();
}

}  // namespace vaiven
