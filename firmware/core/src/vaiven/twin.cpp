#include "twin.h"

namespace vaiven {

void Twin::set(uint8_t state, int32_t value) {
  header_.state[state] = switches_.set(state, value);
}

void Twin::begin() {
  ring_.touch();
  header_.rev = 0;
  header_.local = 0;
  for (uint8_t i = 0; i < count(); i++) set(i, config_.states[i].initial);
  due_ = false;
}

void Twin::resume() {
  ring_.touch();
  for (uint8_t i = 0; i < count(); i++) set(i, header_.state[i]);
  due_ = false;
}

bool Twin::differs(const Desired& desired) const {
  for (uint8_t i = 0; i < count(); i++) {
    if ((desired.named >> i & 1) && desired.value[i] != header_.state[i]) return true;
  }
  return false;
}

Twin::Outcome Twin::desire(const Desired& desired, uint64_t up) {
  if (up > desired.until) return Outcome::kLate;
  due_ = true;
  // The server may not know yet of the change at the wall; it is told, and
  // answers with another REV. Where both agree again, the REV is taken: it would
  // be asked for without end otherwise.
  if (header_.local && desired.rev == header_.rev && differs(desired)) return Outcome::kOverruled;
  ring_.touch();
  for (uint8_t i = 0; i < count(); i++) {
    if (desired.named >> i & 1) set(i, desired.value[i]);
  }
  header_.rev = desired.rev;
  header_.local = 0;
  return Outcome::kSet;
}

void Twin::switched(uint8_t state, int32_t value) {
  if (state >= count() || header_.state[state] == value) return;
  ring_.touch();
  header_.state[state] = value;
  header_.local = 1;
  due_ = true;
}

}  // namespace vaiven
