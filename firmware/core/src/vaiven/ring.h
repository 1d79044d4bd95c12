// The ring of readings that the server does not have yet, over the memory of a
// Held. Full, it overwrites the oldest and counts it: a board that measures must
// never stop measuring, and the newest readings are the useful ones.
//
// push and fail may be called by one task while another calls the rest; every
// method holds the guard for the time of one reading's copy and two CRCs at most.
//
// With Checks, every change is complete in them before the method returns: a reset at
// any moment finds either what was before the change or what is behind it.
#pragma once

#include "held.h"
#include "outside.h"
#include "uptime.h"

namespace vaiven {

// Reading is one row: when it was taken, on the scale of Uptime::stamp, and a
// value for each sensor, NaN for one that was not measured.
struct Reading {
  uint32_t taken;
  float values[kMaxSensors];
};

// Kept is where the readings are. The Checks may be missing (nullptr, both).
struct Kept {
  Header& header;
  uint32_t* words;
  HeaderChecks* headerChecks;
  uint32_t* readingChecks;
};

class Ring {
 public:
  Ring(const Kept& kept, uint32_t values, uint32_t capacity, Guard* guard)
      : header_(kept.header),
        words_(kept.words),
        headerChecks_(kept.headerChecks),
        readingChecks_(kept.readingChecks),
        values_(values),
        capacity_(capacity),
        guard_(guard) {}

  // Edit changes something of the header that is not the ring's. While it lives the
  // guard is held; it breaks the seal, and brings the Checks up to date.
  class Edit {
   public:
    explicit Edit(Ring& ring);
    ~Edit();
    Edit(const Edit&) = delete;
    Edit& operator=(const Edit&) = delete;

   private:
    Ring& ring_;
  };

  // The SEQs held are oldest, oldest + 1 ... next - 1.
  struct Range {
    uint32_t oldest;
    uint32_t next;
    uint32_t count() const { return next - oldest; }
  };

  // clear empties it for a new BOOT: the next SEQ is 1.
  void clear();
  // take says whether readings are wanted. They are not at first.
  void take(bool wanted);
  // adopt brings the Checks of all readings held up to date: they came from elsewhere.
  void adopt();
  // renumber gives the readings held the SEQs 1, 2, 3 ..., for another BOOT.
  void renumber();
  // push keeps a reading and returns its SEQ, 0 when none are wanted.
  // *overwritten is the SEQ that it cost, 0 for none.
  uint32_t push(uint32_t taken, const float* values, uint32_t* overwritten);
  // fail counts a conversion that gave nothing.
  void fail();
  // settle forgets everything up to seq, and says how many that were.
  uint32_t settle(uint32_t seq);
  // read copies a reading; false when it is not (any more) there.
  bool read(uint32_t seq, Reading& reading) const;
  // undate makes the ages of all readings held unknown, undateOlder those of
  // readings that will be older than kMaxAge when `elapsed` ms more have passed.
  void undate();
  void undateOlder(const Uptime& clock, uint64_t elapsed);
  bool dated(uint32_t seq) const { return seq > header_.undated; }

  Range range() const;
  uint32_t lost() const;
  uint32_t failed() const;
  const uint32_t* words() const { return words_; }
  uint32_t values() const { return values_; }
  uint32_t capacity() const { return capacity_; }

 private:
  uint32_t place(uint32_t seq) const { return (seq + header_.shift) & (capacity_ - 1); }
  uint32_t* at(uint32_t seq) const { return words_ + static_cast<size_t>(place(seq)) * (1 + values_); }
  void checkAt(uint32_t seq);
  void commit();

  Header& header_;
  uint32_t* words_;
  HeaderChecks* headerChecks_;
  uint32_t* readingChecks_;
  uint32_t values_;
  uint32_t capacity_;
  Guard* guard_;
  bool taking_ = false;
};

}  // namespace vaiven
