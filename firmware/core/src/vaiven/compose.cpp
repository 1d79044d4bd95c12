// What a Board sends: HELLO before everything, then its states, then readings.
// Key order and forms are those of docs/PROTOCOL.md.
#include <string.h>

#include "board.h"

namespace vaiven {

namespace {

// The largest reading fits the buffer with its brackets, so sendReadings always
// gets on. Each term is a key with comma, quotes and colon, and its value.
constexpr size_t kLargestReading = 2 + (11 + kMaxDevice + 2) + (8 + kBootDigits + 2) + (7 + 10) + (7 + 10) +
                                   kMaxSensors * (kMaxName + 4 + 24);
static_assert(kLargestReading + 2 <= kMaxMessage, "one reading, alone in its message");
constexpr size_t kLargestHello = 12 + (12 + kMaxDevice + 2) + (8 + kBootDigits + 2) + (10 + 10) + (8 + 10) + (8 + 10) +
                                 (6 + 20) + (9 + 10) + (10 + 2 + kMaxStates * (kMaxName + 1)) +
                                 kMaxStates * (kMaxName + 4 + 11) + (7 + 20) + (6 + kMaxFirmware + 2) + (9 + kProofDigits + 2);
static_assert(kLargestHello <= kMaxMessage, "a HELLO with everything that it may say");

// The server knows LED as a state by itself; other names are declared.
bool declared(const Config& config) {
  return config.stateCount > 0 && !(config.stateCount == 1 && strcmp(config.states[0].name, "LED") == 0);
}

}  // namespace

void Board::sendWhatIsDue() {
  while (phase_ == Phase::kOpen && sendNext()) {
  }
}

// sendNext sends one message; false when nothing is due. Each makes something
// not due any more, and readings end at the window.
bool Board::sendNext() {
  const uint64_t up = clock_.up();
  if (greetAgain_ || flight_.helloDue(up)) return sendHello();
  if (!flight_.welcomed()) return false;
  if (twin_.due()) return sendReport();
  if (flight_.next(up, ring_.range()) == 0) return false;
  if (flight_.jumps()) {
    flight_.helloAgain();
    return true;
  }
  return sendReadings();
}

bool Board::sendHello() {
  const Ring::Range held = ring_.range();
  compose();
  out_.open();
  out_.key("HELLO");
  out_.number(1);
  writeBoard();
  out_.key("OLDEST");
  out_.number(held.oldest);
  out_.key("NEXT");
  out_.number(held.next);
  out_.key("LOST");
  out_.number(ring_.lost());
  out_.key("UP");
  out_.number(clock_.up());
  if (config_.sleep > 0) {
    out_.key("SLEEP");
    out_.number(config_.sleep);
  }
  if (declared(config_)) writeDeclaration();
  twin_.greeted();
  writeStates(twin_.lastRev());
  if (config_.firmware != nullptr) {
    out_.key("FW");
    out_.text(config_.firmware);
  }
  writeProof();
  out_.close();
  flight_.saidHello(clock_.up(), held);
  return give(0);
}

// writeProof answers the server's nonce, once. What made the server refuse the board
// before is over with it.
void Board::writeProof() {
  if (greetAgain_) flight_.unpause();
  greetAgain_ = false;
  const char* token = outside_.store.token();
  if (nonce_[0] == '\0' || token[0] == '\0') return;
  char proof[kProofDigits + 1];
  prove(token, nonce_, device_, header_.boot, proof);
  out_.key("PROOF");
  out_.text(proof);
  nonce_[0] = '\0';
  proving_ = true;
}

void Board::writeDeclaration() {
  out_.key("STATES");
  out_.raw('"');
  for (uint8_t i = 0; i < config_.stateCount; i++) {
    if (i > 0) out_.raw(',');
    for (const char* c = config_.states[i].name; *c != '\0'; c++) out_.raw(*c);
  }
  out_.raw('"');
}

bool Board::sendReport() {
  compose();
  out_.open();
  writeBoard();
  writeStates(twin_.saidRev());
  out_.close();
  twin_.told();
  return give(0);
}

// sendReadings sends as many as the window and the buffer let through, in one
// message: an object, or an array of several. At least one is ready.
bool Board::sendReadings() {
  compose();
  out_.raw('[');
  uint32_t count = 0;
  for (;;) {
    const Ring::Range held = ring_.range();
    const uint32_t seq = flight_.next(clock_.up(), held);
    if (seq == 0 || flight_.jumps()) break;
    const size_t before = out_.length();
    if (count > 0) out_.raw(',');
    if (!writeReading(seq) || out_.length() == kMaxMessage) {  // room for the bracket
      out_.cut(before);
      break;
    }
    flight_.sent(clock_.up(), held);
    count++;
  }
  if (count == 0) return true;  // overwritten under our hands: HELLO is next
  stats_.sent += count;
  if (count > 1) out_.raw(']');
  return give(count == 1 ? 1 : 0);
}

// writeReading is false when the reading is gone or does not fit.
bool Board::writeReading(uint32_t seq) {
  Reading reading;
  if (!ring_.read(seq, reading)) return false;
  out_.open();
  writeBoard();
  out_.key("SEQ");
  out_.number(seq);
  out_.key("AGE");
  if (ring_.dated(seq)) {
    out_.number(clock_.age(reading.taken));
  } else {
    out_.null();
  }
  for (uint8_t i = 0; i < config_.sensorCount; i++) {
    out_.key(config_.sensors[i].name);
    out_.decimal(reading.values[i], config_.sensors[i].decimals);
  }
  out_.close();
  return out_.ok();
}

// writeBoard writes the id as the course does, as a number, when it is one of up
// to three digits.
void Board::writeBoard() {
  out_.key("IDDEVICE");
  bool number = strlen(device_) == 3;
  for (const char* c = device_; *c != '\0'; c++) number = number && *c >= '0' && *c <= '9';
  if (number) {
    out_.number(static_cast<uint64_t>((device_[0] - '0') * 100 + (device_[1] - '0') * 10 + (device_[2] - '0')));
  } else {
    out_.text(device_);
  }
  out_.key("BOOT");
  out_.text(header_.boot);
}

void Board::writeStates(uint64_t rev) {
  for (uint8_t i = 0; i < config_.stateCount; i++) {
    out_.key(config_.states[i].name);
    out_.signedNumber(twin_.said(i));
  }
  if (rev != 0) {
    out_.key("REV");
    out_.number(rev);
  }
}

// compose begins a message, behind room for the socket library's frame header.
void Board::compose() { out_ = Writer(buffer_ + Link::kHeadroom, kMaxMessage); }

// give hands the message over, without its first `skip` bytes. True while the
// connection stands.
bool Board::give(size_t skip) {
  stats_.messages++;
  if (outside_.link.send(out_.begin() + skip, out_.length() - skip)) return phase_ == Phase::kOpen;
  if (phase_ == Phase::kOpen) drop();  // unless send has told us so already
  return false;
}

}  // namespace vaiven
