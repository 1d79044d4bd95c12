#include "board.h"

#include <string.h>

namespace vaiven {

namespace {

// Close codes of RFC 6455 section 7.4 and of the protocol.
constexpr uint16_t kDone = 1000;
constexpr uint16_t kPolicy = 1008;
constexpr uint16_t kInUse = 4409;

// For how long a board that was taken in takes a token over a connection that anybody
// can read: as long as the server gives one behind an approval.
constexpr uint64_t kApprovalWindow = 10 * 60 * 1000;

// Whether coming back soon would only bring the same answer.
bool hopeless(uint16_t code) { return code == kPolicy || code == kCloseUnauthorised || code == kInUse; }

}  // namespace

Board::Board(const Config& config, const Kept& kept, size_t values, size_t capacity, const Outside& outside)
    : config_(config),
      outside_(outside),
      header_(kept.header),
      ring_(kept, static_cast<uint32_t>(values), static_cast<uint32_t>(capacity), outside.guard),
      twin_(header_, ring_, config, outside_.switches),
      flight_(config.window),
      backoff_(outside_.random) {}

// --- life ---

// prepare looks at the configuration. False when there is something wrong.
bool Board::prepare() {
  phase_ = Phase::kIdle;
  ring_.take(false);
  problem_ = vaiven::problem(config_, ring_.values());
  if (problem_ != nullptr) return false;
  canonicalDevice(config_.device, strlen(config_.device), device_);
  flight_ = Flight(config_.window);
  return true;
}

bool Board::begin(uint32_t now) {
  if (!prepare()) return false;
  const uint32_t mark = fingerprint(config_);
  {
    Ring::Edit edit(ring_);
    memset(&header_, 0, sizeof header_);
    header_.fingerprint = mark;
    header_.capacity = ring_.capacity();
    header_.values = ring_.values();
  }
  ring_.clear();
  chooseBoot();
  twin_.begin();
  clock_.start(now, 0);
  start();
  return true;
}

bool Board::resume(uint32_t now, uint64_t elapsed) {
  if (!prepare()) return false;
  if (header_.fingerprint != fingerprint(config_) ||
      !sealed(header_, ring_.words(), ring_.capacity(), ring_.values())) {
    return false;
  }
  ring_.adopt();
  clock_.start(now, header_.up);
  if (elapsed == kUnknownTime) {
    ring_.undate();
  } else {
    ring_.undateOlder(clock_, elapsed);
    clock_.start(now, header_.up + elapsed);
  }
  twin_.resume();
  start();
  if (header_.finished) finish();
  return true;
}

// start waits a moment even before the first connection: after a power cut all
// boards of a building come back together.
void Board::start() {
  backoff_.reset();
  acknowledged_ = false;
  access_ = Access::kOpen;
  doomed_ = leaving_ = finishing_ = refused_ = false;
  dialAt_ = clock_.up() + backoff_.next();
  phase_ = Phase::kWaiting;
  ring_.take(true);
}

void Board::seal(uint32_t now) {
  if (phase_ == Phase::kIdle) return;
  clock_.advance(now);
  {
    Ring::Edit edit(ring_);
    header_.up = clock_.up();
  }
  vaiven::seal(header_, ring_.words());
}

void Board::chooseBoot() {
  static const char digits[] = "0123456789abcdef";
  char boot[kBootDigits + 1] = "";
  for (size_t i = 0; i < kBootDigits; i += 8) {
    uint32_t bits = outside_.random.next();
    for (size_t j = 0; j < 8; j++, bits >>= 4) boot[i + j] = digits[bits & 15];
  }
  Ring::Edit edit(ring_);
  memcpy(header_.boot, boot, sizeof boot);
}

// renewBoot is for a BOOT that the server knows from somebody else, or from a
// Held that was resumed twice. What is held gets new numbers: none is lost, and
// what the server had already under the old BOOT it will have twice.
void Board::renewBoot() {
  ring_.renumber();
  chooseBoot();
  acknowledged_ = false;
  doomed_ = true;
  tell(Event::kNewBoot);
}

// --- sensors and switches ---

uint32_t Board::record(uint32_t now, const float* values) {
  bool measured = false;
  for (uint32_t i = 0; i < ring_.values(); i++) measured |= values[i] - values[i] == 0;  // finite
  if (!measured) {
    ring_.fail();
    return 0;
  }
  uint32_t overwritten = 0;
  const uint32_t seq = ring_.push(clock_.stamp(now), values, &overwritten);
  if (overwritten != 0) tell(Event::kLost, overwritten);
  return seq;
}

void Board::failed() { ring_.fail(); }

void Board::switched(uint8_t state, int32_t value) {
  if (phase_ != Phase::kIdle) twin_.switched(state, value);
}

// --- the socket ---

void Board::onOpen(uint32_t now) {
  if (phase_ == Phase::kIdle || phase_ == Phase::kFinished) return;
  clock_.advance(now);
  phase_ = Phase::kOpen;
  doomed_ = leaving_ = finishing_ = greetAgain_ = proving_ = false;
  nonce_[0] = '\0';
  liveness_.heard(clock_.up());
  flight_.connected(ring_.range());
  stats_.opened++;
  tell(Event::kOpened);
}

void Board::onHeard(uint32_t now) {
  if (phase_ != Phase::kOpen) return;
  clock_.advance(now);
  liveness_.heard(clock_.up());
}

void Board::onClose(uint32_t now, uint16_t code) {
  if (!wantsLink()) return;  // we closed it ourselves
  clock_.advance(now);
  closed(code);
}

void Board::finish() {
  {
    Ring::Edit edit(ring_);
    header_.finished = 1;
  }
  phase_ = Phase::kFinished;
  ring_.take(false);
}

// closed decides what comes after a connection.
void Board::closed(uint16_t code) {
  if (finishing_ || (code == kDone && !leaving_)) {
    finish();
    tell(Event::kFinished);
    return;
  }
  if (phase_ == Phase::kDialling) refused_ = false;  // nobody answered
  if (hopeless(code)) {
    refused_ = true;
    if (code == kCloseUnauthorised) access_ = Access::kBadToken;
    backoff_.longest();
  }
  uint32_t wait = backoff_.next();
  if (leaving_ && wait < byeRetry_) wait = byeRetry_;
  dialAt_ = clock_.up() + wait;
  phase_ = Phase::kWaiting;
  leaving_ = doomed_ = false;
  tell(Event::kClosed, 0, wait);
}

// drop ends the connection from our side.
void Board::drop() {
  closed(0);
  outside_.link.close();
}

// --- time ---

bool Board::mustDrop() const {
  const uint64_t up = clock_.up();
  return doomed_ || liveness_.dead(up) || flight_.unanswered(up) || flight_.hopeless() ||
         (leaving_ && up >= leaveAt_);
}

void Board::tick(uint32_t now) {
  if (phase_ == Phase::kIdle) return;
  clock_.advance(now);
  const uint64_t up = clock_.up();
  ring_.undateOlder(clock_, 0);
  if (phase_ == Phase::kWaiting && up >= dialAt_) phase_ = Phase::kDialling;
  if (phase_ != Phase::kOpen) return;
  if (flight_.stalled(up, ring_.range())) {
    stats_.goBacks++;
    stats_.stalls++;
  }
  if (mustDrop()) return drop();
  if (header_.waited && flight_.welcomed() && up - welcomedAt_ >= kApprovalWindow) setWaited(false);
  if (leaving_) return;
  if (liveness_.asks(up)) outside_.link.ping();
  sendWhatIsDue();
}

// --- what to show ---

Status Board::status() const {
  switch (phase_) {
    case Phase::kFinished:
      return Status::kFinished;
    case Phase::kOpen:
      if (flight_.welcomed()) return Status::kOnline;
      if (!refused_) return Status::kGreeting;
      break;
    default:
      if (!refused_) return Status::kOffline;
  }
  return access_ == Access::kWaiting ? Status::kWaiting : Status::kRefused;
}

bool Board::quiet() const {
  return phase_ == Phase::kOpen && flight_.welcomed() && !greetAgain_ && waiting() == 0 && !twin_.due();
}

uint32_t Board::waiting() const { return ring_.range().count(); }

uint32_t Board::lost() const { return ring_.lost(); }

uint32_t Board::failures() const { return ring_.failed(); }

void Board::tell(Event event, uint32_t seq, uint32_t retry, const char* text) {
  if (outside_.observer == nullptr) return;
  Note note;
  note.event = event;
  note.seq = seq;
  note.retry = retry;
  note.text = text;
  outside_.observer->told(note);
}

}  // namespace vaiven
