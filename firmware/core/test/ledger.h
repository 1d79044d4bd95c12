// What really happened, against which board and server are checked: every
// reading taken, and what became of it.
#pragma once

#include <stdint.h>

#include "check.h"

class Ledger {
 public:
  static constexpr uint32_t kMost = 4096;  // readings in a schedule
  static constexpr uint32_t kBoots = 16;

  void clear() { *this = Ledger(); }

  // --- the board's side ---

  // boot begins a power-up; what the one before still held dies with it.
  void boot(const char* name);
  // took notes the next reading and returns its value, by which it is known.
  uint32_t took(int64_t at);
  bool room() const { return count_ < kMost; }
  void lost(uint32_t seq);

  // --- the server's side ---

  // power finds a boot by name, kBoots when there is none such.
  uint32_t power(const char* name, uint32_t length) const;
  // sent checks that the reading is what the board took under that SEQ.
  void sent(uint32_t power, uint32_t seq, uint32_t value) const;
  // stored puts it on disk: once, in order, with the right time.
  void stored(uint32_t power, uint32_t seq, int64_t measured, bool dated);
  // refused settles it without storing it.
  void refused(uint32_t power, uint32_t seq);
  // gap settles what the board no longer has.
  void gap(uint32_t power, uint32_t from, uint32_t to);

  // everything checks that each reading was stored once, refused, or lost.
  void everything() const;
  uint32_t count() const { return count_; }
  uint32_t lostCount() const { return lostCount_; }

 private:
  enum class Fate : uint8_t { kHeld, kLost, kStored, kRefused, kLostThenStored, kDead };
  struct Entry {
    int64_t at;
    Fate fate;
  };
  struct Power {
    char name[17];
    uint32_t first;  // entry of SEQ 1
    uint32_t last;   // SEQ settled last
  };

  Entry* entry(uint32_t power, uint32_t seq);

  Entry entries_[kMost] = {};
  Power powers_[kBoots] = {};
  uint32_t count_ = 0;
  uint32_t powerCount_ = 0;
  uint32_t lostCount_ = 0;  // of the present power-up
};
