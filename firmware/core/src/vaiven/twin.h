// What the server wants the board's states to be, and what they are.
//
// A state has a value; all of them together have the REV of the last desired
// state that was set, or none after a person changed one at the board. They
// live in Held, so that a board that wakes up from sleep still knows both.
#pragma once

#include "config.h"
#include "held.h"
#include "outside.h"
#include "ring.h"

namespace vaiven {

// Desired is what the server asks for: a value for some states of the table.
struct Desired {
  uint64_t rev = 0;
  uint64_t until = UINT64_MAX;  // on the UP scale: not to be set later than this
  uint32_t named = 0;           // bit i: value[i] is asked for
  int32_t value[kMaxStates] = {};
};

class Twin {
 public:
  Twin(Header& header, Ring& ring, const Config& config, Switches& switches)
      : header_(header), ring_(ring), config_(config), switches_(switches) {}

  // begin sets every state as configured.
  void begin();
  // resume sets every state as it was: outputs are off after a sleep.
  void resume();

  enum class Outcome : uint8_t { kSet, kLate, kOverruled };
  // desire sets what is asked for, unless its deadline has passed (kLate), or a
  // person overruled that very change at the board (kOverruled), of which the
  // server is told again.
  Outcome desire(const Desired& desired, uint64_t up);
  // switched notes a change made at the board.
  void switched(uint8_t state, int32_t value);

  // due says that the server does not know yet what the states are.
  bool due() const { return due_; }
  // told notes that it was said: by a report or a HELLO.
  void told() { due_ = false; }

  // rev is what to say with the states: 0 when they follow no desired state.
  uint64_t rev() const { return header_.local ? 0 : header_.rev; }
  int32_t value(uint8_t state) const { return state < kMaxStates ? header_.state[state] : 0; }
  uint8_t count() const { return config_.stateCount; }

 private:
  void set(uint8_t state, int32_t value);
  bool differs(const Desired& desired) const;

  Header& header_;
  Ring& ring_;  // which shares the header's seal
  const Config& config_;
  Switches& switches_;
  bool due_ = false;
};

}  // namespace vaiven
