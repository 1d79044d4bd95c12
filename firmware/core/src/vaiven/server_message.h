// What the server says, read whole before anything is done about it.
#pragma once

#include "config.h"
#include "json_reader.h"
#include "twin.h"

namespace vaiven {

// ServerKind is a message's kind: that of its most telling key, whatever their
// order.
enum class ServerKind : uint8_t { kUnknown, kDesired, kAck, kWelcome, kNonce, kToken, kError, kBye };

// Verdict is what a refusal's CODE means for the reading.
enum class Verdict : uint8_t {
  kOther,    // about the message or the board, or a code of a later server
  kForGood,  // the server settles the SEQ; sending it again would not help
  kForNow,   // comes again after RETRY, and nothing later before it
  kBadBoot,  // this BOOT was used before: readings need another one
};

// Access is whether the server lets the board speak, as it last said.
enum class Access : uint8_t {
  kOpen,      // it has not said otherwise
  kWaiting,   // not_approved: the board waits for a person
  kNoToken,   // not_authorised: the board's id has a token, and the board has not shown it
  kBadToken,  // bad_token: the board's token is another's, or was revoked
};

struct ServerMessage {
  ServerKind kind = ServerKind::kUnknown;
  bool otherDevice = false;  // IDDEVICE is there, and not ours
  bool hasDevice = false;
  bool hasAck = false;
  bool hasRetry = false;
  Slice boot;          // length 0: not there
  uint64_t ack = 0;
  uint64_t seq = 0;    // ERROR: 0 for no reading in particular
  uint32_t retry = 0;  // ms; what does not fit is the longest
  Desired desired;     // WELCOME and desired state
  Slice text;          // ERROR, BYE, TOKEN, NONCE: escapes as they were written
  Verdict verdict = Verdict::kOther;
  Access access = Access::kOpen;  // ERROR
};

// The longest RETRY that is honoured: 24 days.
constexpr uint32_t kMaxRetry = 24u * 24 * 60 * 60 * 1000;

// readServer reads a message. False when it is none that a board could act on;
// it is then to be ignored, as a later server may say more than we know.
bool readServer(const char* text, size_t length, const Config& config, const char* device,
                ServerMessage& message);

}  // namespace vaiven
