#include "ring.h"

#include <string.h>

namespace vaiven {

namespace {

// Locked holds the guard for a block.
class Locked {
 public:
  explicit Locked(Guard* guard) : guard_(guard) {
    if (guard_ != nullptr) guard_->lock();
  }
  ~Locked() {
    if (guard_ != nullptr) guard_->unlock();
  }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  Guard* guard_;
};

// whole ends what was stored so far: the compiler moves nothing over it. The memory
// behind is the chip's own, without a cache.
void whole() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

}  // namespace

Ring::Edit::Edit(Ring& ring) : ring_(ring) {
  if (ring_.guard_ != nullptr) ring_.guard_->lock();
  ring_.header_.seal = 0;
}

Ring::Edit::~Edit() {
  ring_.commit();
  if (ring_.guard_ != nullptr) ring_.guard_->unlock();
}

void Ring::commit() {
  if (headerChecks_ == nullptr) return;
  whole();
  headerChecks_->check = checkHeader(header_);
  whole();
  headerChecks_->spare = header_;
  whole();
  headerChecks_->spareCheck = headerChecks_->check;
  whole();
}

void Ring::checkAt(uint32_t seq) {
  if (readingChecks_ != nullptr) readingChecks_[place(seq)] = checkReading(place(seq), at(seq), values_);
}

void Ring::clear() {
  Edit edit(*this);
  header_.head = header_.next = 1;
  header_.shift = header_.undated = 0;
}

void Ring::take(bool wanted) {
  Locked locked(guard_);
  taking_ = wanted;
}

// adopt needs no guard for the readings: nothing samples yet.
void Ring::adopt() {
  for (uint32_t seq = header_.head; seq != header_.next; seq++) checkAt(seq);
  Edit edit(*this);
}

void Ring::renumber() {
  Edit edit(*this);
  const uint32_t less = header_.head - 1;
  header_.head -= less;
  header_.next -= less;
  header_.shift += less;
  header_.undated -= header_.undated < less ? header_.undated : less;
}

// push gives the oldest reading up before it writes over it, and counts the new one
// when it is whole: at no moment is a place held that is half one and half the other.
uint32_t Ring::push(uint32_t taken, const float* values, uint32_t* overwritten) {
  Locked locked(guard_);
  *overwritten = 0;
  if (!taking_) return 0;
  header_.seal = 0;
  if (header_.next - header_.head == capacity_) {
    *overwritten = header_.head++;
    header_.lost++;
    commit();
  }
  uint32_t* words = at(header_.next);
  words[0] = taken;
  memcpy(words + 1, values, sizeof(float) * values_);
  checkAt(header_.next);
  const uint32_t seq = header_.next++;
  commit();
  return seq;
}

void Ring::fail() {
  Locked locked(guard_);
  if (!taking_) return;
  header_.seal = 0;
  header_.failed++;
  commit();
}

uint32_t Ring::settle(uint32_t seq) {
  Locked locked(guard_);
  if (seq < header_.head) return 0;
  const uint32_t to = seq < header_.next ? seq + 1 : header_.next;
  const uint32_t settled = to - header_.head;
  if (settled == 0) return 0;
  header_.seal = 0;
  header_.head = to;
  commit();
  return settled;
}

bool Ring::read(uint32_t seq, Reading& reading) const {
  Locked locked(guard_);
  if (seq < header_.head || seq >= header_.next) return false;
  const uint32_t* words = at(seq);
  reading.taken = words[0];
  memcpy(reading.values, words + 1, sizeof(float) * values_);
  return true;
}

void Ring::undate() {
  Edit edit(*this);
  header_.undated = header_.next - 1;
}

void Ring::undateOlder(const Uptime& clock, uint64_t elapsed) {
  for (;;) {
    Locked locked(guard_);
    const uint32_t first = header_.undated < header_.head ? header_.head : header_.undated + 1;
    if (first >= header_.next || clock.age(*at(first)) + elapsed <= kMaxAge) return;
    header_.seal = 0;
    header_.undated = first;
    commit();
  }
}

Ring::Range Ring::range() const {
  Locked locked(guard_);
  return {header_.head, header_.next};
}

uint32_t Ring::lost() const {
  Locked locked(guard_);
  return header_.lost;
}

uint32_t Ring::failed() const {
  Locked locked(guard_);
  return header_.failed;
}

}  // namespace vaiven
