// Randomness that is the same each time: a failed schedule is run again by its
// number.
#pragma once

#include <stdint.h>

class Dice {
 public:
  explicit Dice(uint32_t seed) : state_(seed * 2654435761u + 0x9e3779b9u) {}

  uint32_t next() {  // xorshift32 (Marsaglia 2003)
    state_ ^= state_ << 13;
    state_ ^= state_ >> 17;
    state_ ^= state_ << 5;
    if (state_ == 0) state_ = 1;
    return state_;
  }
  // below is 0 to n-1.
  uint32_t below(uint32_t n) { return n == 0 ? 0 : next() % n; }
  // oneIn is true once in n times; never for 0.
  bool oneIn(uint32_t n) { return n != 0 && below(n) == 0; }

 private:
  uint32_t state_;
};
