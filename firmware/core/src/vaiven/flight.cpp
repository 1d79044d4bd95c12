#include "flight.h"

namespace vaiven {

void Flight::connected(const Ring::Range& held) {
  const uint16_t window = window_;
  *this = Flight(window);
  cursor_ = held.oldest;
}

void Flight::saidHello(uint64_t up, const Ring::Range& held) {
  stage_ = Stage::kHelloSent;
  helloAt_ = up;
  oldest_ = held.oldest;
}

uint32_t Flight::next(uint64_t up, const Ring::Range& held) {
  if (cursor_ < held.oldest) cursor_ = held.oldest;  // overwritten meanwhile
  if (!welcomed() || up < pausedUntil_ || cursor_ >= held.next || inFlight(held) >= window_) return 0;
  return cursor_;
}

void Flight::sent(uint64_t up, const Ring::Range& held) {
  if (inFlight(held) == 0) progressAt_ = up;  // the wait for an answer begins
  cursor_++;
  expect_ = cursor_;
}

void Flight::settled(uint32_t seq, bool moved, uint64_t up) {
  if (moved) {
    progressAt_ = up;
    stalls_ = 0;
  }
  if (cursor_ <= seq) cursor_ = seq + 1;
  if (expect_ <= seq) expect_ = seq + 1;
  if (acked_ < seq) acked_ = seq;
}

bool Flight::welcome(uint32_t ack, uint64_t up, const Ring::Range& held) {
  const bool asked = greeting();
  if (!asked && backTo_ == ack + 1 && up - backAt_ < kEcho) return false;
  if (!asked) {
    backTo_ = ack + 1;
    backAt_ = up;
  }
  const uint32_t before = cursor_;
  stage_ = Stage::kWelcomed;
  acked_ = ack;
  expect_ = ack + 1;
  cursor_ = ack + 1 > held.oldest ? ack + 1 : held.oldest;
  progressAt_ = up;
  return !asked && cursor_ < before;
}

void Flight::refusedForNow(uint32_t seq, uint32_t retry, uint64_t up, const Ring::Range& held) {
  if (pausedUntil_ < up + retry) pausedUntil_ = up + retry;
  progressAt_ = pausedUntil_;
  if (greeting()) {
    stage_ = Stage::kHelloDue;
  } else if (seq != 0 && seq < cursor_) {
    expect_ = seq;
    cursor_ = seq > held.oldest ? seq : held.oldest;
  }
}

bool Flight::stalled(uint64_t up, const Ring::Range& held) {
  if (!welcomed() || inFlight(held) == 0 || up < progressAt_ + kStallTimeout) return false;
  cursor_ = held.oldest;
  expect_ = acked_ + 1;  // what was overwritten on its way may never have arrived
  progressAt_ = up;
  stalls_++;
  return true;
}

}  // namespace vaiven
