// How long to wait before the next connection.
//
// A random time between nothing and a ceiling that doubles with each failure
// ("full jitter"): a class of boards that lost the same server must not come
// back in the same moment. Only a WELCOME takes the ceiling down again: a server
// that accepts connections and drops them is not to be hammered.
#pragma once

#include <stdint.h>

#include "outside.h"

namespace vaiven {

class Backoff {
 public:
  // Short enough that a restarted server has its boards back in a breath.
  static constexpr uint32_t kFirst = 1000;
  // Long enough for a night without server, short enough for a person who waits.
  static constexpr uint32_t kLongest = 60 * 1000;

  explicit Backoff(Random& random) : random_(random) {}

  void reset() { ceiling_ = kFirst; }
  // longest is for answers that coming back soon cannot change: a wrong token,
  // an id that another board has.
  void longest() { ceiling_ = kLongest; }
  // next draws the wait, in ms.
  uint32_t next() {
    const uint64_t wait = (static_cast<uint64_t>(random_.next()) * ceiling_) >> 32;
    ceiling_ = ceiling_ < kLongest / 2 ? ceiling_ * 2 : kLongest;
    return static_cast<uint32_t>(wait);
  }

 private:
  Random& random_;
  uint32_t ceiling_ = kFirst;
};

}  // namespace vaiven
