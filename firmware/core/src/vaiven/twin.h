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

  enum class Outcome : uint8_t { kSet, kLate, kStale, kOverruled };
  // desire sets what is asked for, unless its deadline has passed (kLate), or
  // something newer was set already (kStale), or a person overruled that very
  // change at the board (kOverruled): the server is then told both, in order.
  Outcome desire(const Desired& desired, uint64_t up);
  // switched notes a change made at the board.
  void switched(uint8_t state, int32_t value);

  // forget forgets the REV: the server's have begun again.
  void forget();

  // due says that the server does not know yet what the states are.
  bool due() const { return due_ || doneDue_; }
  // The next report. Its states are those that said returns, and its REV is
  // saidRev, 0 for a change made at the board. What the server asked for comes
  // first, then what a person made of it: the server takes a report without REV
  // for a person's change only if it differs from what was said before it.
  int32_t said(uint8_t state) const { return doneDue_ && (done_.named >> state & 1) ? done_.value[state] : value(state); }
  uint64_t saidRev() const { return doneDue_ ? done_.rev : rev(); }
  // told notes that it was said; greeted, that HELLO said everything.
  void told();
  void greeted() { due_ = doneDue_ = false; }

  // rev is that of the desired state which the states follow: 0 for none. HELLO
  // says the last one that was set, whatever a person did since.
  uint64_t rev() const { return header_.local ? 0 : header_.rev; }
  uint64_t lastRev() const { return header_.rev; }
  int32_t value(uint8_t state) const { return state < kMaxStates ? header_.state[state] : 0; }
  uint8_t count() const { return config_.stateCount; }

 private:
  void set(uint8_t state, int32_t value);
  void follow(uint64_t rev);
  bool differs(const Desired& desired) const;
  void remember();

  Header& header_;
  Ring& ring_;  // which shares the header, its seal and its checks
  const Config& config_;
  Switches& switches_;
  bool due_ = false;
  bool doneDue_ = false;  // done_ is to be reported before what is
  Desired done_;          // was set, and then overruled at the board
};

}  // namespace vaiven
