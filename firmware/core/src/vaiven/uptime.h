// Time: millis() rolls over every 49.7 days; UP does not.
#pragma once

#include <stdint.h>

namespace vaiven {

// Uptime is the only place that knows of the rollover: it turns millis() into 64
// bits of ms since power-up, by unsigned subtraction. All deadlines of the core
// are on that scale, and compare as plain numbers.
class Uptime {
 public:
  // start says that it is `up` at millis() == now.
  void start(uint32_t now, uint64_t up) {
    last_ = now;
    up_ = up;
    shift_ = static_cast<uint32_t>(up) - now;
  }

  // advance moves on to millis() == now. A `now` of a moment ago (half of the
  // 32-bit range at most) changes nothing: two parts of a sketch may each have
  // read the clock. So it must be called once in 24.8 days at the very least.
  void advance(uint32_t now) {
    const uint32_t step = now - last_;
    if (step >= kHalf) return;
    last_ = now;
    up_ += step;
  }

  uint64_t up() const { return up_; }

  // stamp is the low half of UP at millis() == now, from any task: shift_ never
  // changes after start.
  uint32_t stamp(uint32_t now) const { return now + shift_; }

  // age is how long ago a stamp was, in ms, up to 49.7 days less kEarly. One
  // that another task took after the last advance is 0 ms old.
  uint32_t age(uint32_t stamp) const {
    const uint32_t age = static_cast<uint32_t>(up_) - stamp;
    return age > UINT32_MAX - kEarly ? 0 : age;
  }

 private:
  static constexpr uint32_t kHalf = 0x80000000u;
  // Longer than loop() can hang between two ticks: a TLS handshake takes up to
  // 120 s in the library.
  static constexpr uint32_t kEarly = 10u * 60 * 1000;

  uint32_t last_ = 0;
  uint32_t shift_ = 0;
  uint64_t up_ = 0;
};

}  // namespace vaiven
