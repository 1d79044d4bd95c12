#include "ledger.h"

#include <string.h>

void Ledger::boot(const char* name) {
  for (uint32_t i = powerCount_ > 0 ? powers_[powerCount_ - 1].first : 0; i < count_; i++) {
    if (entries_[i].fate == Fate::kHeld) entries_[i].fate = Fate::kDead;
  }
  CHECK(powerCount_ < kBoots);
  Power& power = powers_[powerCount_++];
  strcpy(power.name, name);
  power.first = count_;
  power.last = 0;
  lostCount_ = 0;
}

uint32_t Ledger::took(int64_t at) {
  entries_[count_] = {at, Fate::kHeld};
  return count_++;
}

Ledger::Entry* Ledger::entry(uint32_t power, uint32_t seq) {
  CHECK(power < powerCount_ && seq >= 1);
  if (power >= powerCount_ || seq < 1) return nullptr;
  const uint32_t i = powers_[power].first + seq - 1;
  const uint32_t end = power + 1 < powerCount_ ? powers_[power + 1].first : count_;
  CHECK(i < end);
  return i < end ? &entries_[i] : nullptr;
}

void Ledger::lost(uint32_t seq) {
  Entry* e = entry(powerCount_ - 1, seq);
  if (e == nullptr) return;
  lostCount_++;
  // It may have been stored already, with the ack on its way.
  if (e->fate == Fate::kHeld) e->fate = Fate::kLost;
}

uint32_t Ledger::power(const char* name, uint32_t length) const {
  for (uint32_t i = 0; i < powerCount_; i++) {
    if (strlen(powers_[i].name) == length && memcmp(powers_[i].name, name, length) == 0) return i;
  }
  return kBoots;
}

void Ledger::sent(uint32_t power, uint32_t seq, uint32_t value) const {
  CHECK_EQ(value, powers_[power].first + seq - 1);
}

void Ledger::stored(uint32_t power, uint32_t seq, int64_t measured, bool dated) {
  Entry* e = entry(power, seq);
  if (e == nullptr) return;
  CHECK_EQ(seq, powers_[power].last + 1);
  powers_[power].last = seq;
  CHECK(e->fate == Fate::kHeld || e->fate == Fate::kLost || e->fate == Fate::kDead);
  e->fate = e->fate == Fate::kLost ? Fate::kLostThenStored : Fate::kStored;
  CHECK(dated);
  CHECK(measured - e->at <= 1000 && e->at - measured <= 1000);
}

void Ledger::refused(uint32_t power, uint32_t seq) {
  Entry* e = entry(power, seq);
  if (e == nullptr) return;
  CHECK_EQ(seq, powers_[power].last + 1);
  powers_[power].last = seq;
  if (e->fate == Fate::kHeld) e->fate = Fate::kRefused;
}

void Ledger::gap(uint32_t power, uint32_t from, uint32_t to) {
  CHECK_EQ(from, powers_[power].last + 1);
  for (uint32_t seq = from; seq <= to; seq++) {
    const Entry* e = entry(power, seq);
    CHECK(e != nullptr && e->fate == Fate::kLost);  // never what the board could still send
  }
  powers_[power].last = to;
}

void Ledger::everything() const {
  for (uint32_t i = 0; i < count_; i++) CHECK(entries_[i].fate != Fate::kHeld);
}
