#include "twin.h"

namespace vaiven {

void Twin::set(uint8_t state, int32_t value) {
  const int32_t is = switches_.set(state, value);
  Ring::Edit edit(ring_);
  header_.state[state] = is;
}

// follow notes that the states are those of a REV, and no person's.
void Twin::follow(uint64_t rev) {
  Ring::Edit edit(ring_);
  header_.rev = rev;
  header_.local = 0;
}

void Twin::begin() {
  follow(0);
  for (uint8_t i = 0; i < count(); i++) set(i, config_.states[i].initial);
  due_ = doneDue_ = false;
}

void Twin::resume() {
  for (uint8_t i = 0; i < count(); i++) set(i, header_.state[i]);
  due_ = doneDue_ = false;
}

bool Twin::differs(const Desired& desired) const {
  for (uint8_t i = 0; i < count(); i++) {
    if ((desired.named >> i & 1) && desired.value[i] != header_.state[i]) return true;
  }
  return false;
}

Twin::Outcome Twin::desire(const Desired& desired, uint64_t up) {
  // Behind something newer: over an older connection, or another node's.
  if (desired.rev != 0 && desired.rev < header_.rev) return Outcome::kStale;
  if (up > desired.until) return Outcome::kLate;
  due_ = true;
  // The server may not know yet of the change at the wall; it is told, and
  // answers with another REV. Where both agree again, the REV is taken: it would
  // be asked for without end otherwise.
  if (header_.local && desired.rev == header_.rev && differs(desired)) {
    done_ = desired;
    doneDue_ = true;
    return Outcome::kOverruled;
  }
  doneDue_ = false;
  for (uint8_t i = 0; i < count(); i++) {
    if (desired.named >> i & 1) set(i, desired.value[i]);
  }
  follow(desired.rev != 0 ? desired.rev : header_.rev);
  return Outcome::kSet;
}

// remember keeps what was set and not yet reported, before a person changes it.
void Twin::remember() {
  doneDue_ = true;
  done_.rev = header_.rev;
  done_.named = (1u << count()) - 1;
  for (uint8_t i = 0; i < count(); i++) done_.value[i] = header_.state[i];
}

void Twin::switched(uint8_t state, int32_t value) {
  if (state >= count() || header_.state[state] == value) return;
  if (due_ && !header_.local && header_.rev != 0) remember();
  Ring::Edit edit(ring_);
  header_.state[state] = value;
  header_.local = 1;
  due_ = true;
}

void Twin::forget() {
  if (header_.rev == 0) return;
  Ring::Edit edit(ring_);
  header_.rev = 0;
  doneDue_ = false;
}

void Twin::told() {
  if (doneDue_) {
    doneDue_ = false;  // what is comes next
  } else {
    due_ = false;
  }
}

}  // namespace vaiven
