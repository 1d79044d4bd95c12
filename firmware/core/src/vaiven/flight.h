// How far the present connection has got with the readings: what was sent, what
// the server expects next, when to go back and send again.
//
// It decides and counts; it has no socket, no clock and no readings. On a
// connection it goes through: HELLO due, HELLO sent (nothing else leaves until
// WELCOME says from where to go on), welcomed.
#pragma once

#include "ring.h"

namespace vaiven {

class Flight {
 public:
  explicit Flight(uint16_t window) : window_(window) {}

  // How long to wait for WELCOME. The server answers at once, or is not vaiven.
  static constexpr uint64_t kWelcomeTimeout = 10 * 1000;
  // How long readings are on their way without any progress before they are sent
  // again: a commit takes milliseconds, a slow SD card a second or two.
  static constexpr uint64_t kStallTimeout = 10 * 1000;
  // Times in a row that everything is sent again before the connection is given
  // up: whatever is wrong with it, a new one may not have.
  static constexpr uint8_t kMaxStalls = 3;
  // For how long a WELCOME that names the same place again is taken as an echo:
  // a window of readings behind one that was not taken may bring several.
  static constexpr uint64_t kEcho = 1000;

  // connected begins a connection: nothing of an earlier one counts as sent.
  void connected(const Ring::Range& held);

  // --- HELLO ---
  bool helloDue(uint64_t up) const { return stage_ == Stage::kHelloDue && up >= pausedUntil_; }
  void saidHello(uint64_t up, const Ring::Range& held);
  // unpause ends a wait: what it was for is over.
  void unpause() { pausedUntil_ = 0; }
  void helloAgain() { stage_ = Stage::kHelloDue; }
  bool greeting() const { return stage_ == Stage::kHelloSent; }
  bool welcomed() const { return stage_ == Stage::kWelcomed; }
  bool unanswered(uint64_t up) const { return greeting() && up - helloAt_ >= kWelcomeTimeout; }

  // --- readings out ---
  // next is the SEQ to be sent now, 0 for none.
  uint32_t next(uint64_t up, const Ring::Range& held);
  // jumps says that the reading at the cursor would surprise the server, since
  // readings before it were overwritten: another HELLO must say so.
  bool jumps() const { return cursor_ > expect_ && oldest_ < cursor_; }
  void sent(uint64_t up, const Ring::Range& held);
  uint32_t inFlight(const Ring::Range& held) const {
    return cursor_ > held.oldest ? cursor_ - held.oldest : 0;
  }

  // --- answers in ---
  // settled notes that everything up to seq is; moved: that this was news.
  void settled(uint32_t seq, bool moved, uint64_t up);
  // welcome goes on behind ack, which settled has been told already. True when
  // that makes the board go back.
  bool welcome(uint32_t ack, uint64_t up, const Ring::Range& held);
  // refusedForNow waits, and then goes on with seq (0: none in particular).
  void refusedForNow(uint32_t seq, uint32_t retry, uint64_t up, const Ring::Range& held);

  // stalled goes back to the first reading on its way when nothing has moved for
  // kStallTimeout. True when it did.
  bool stalled(uint64_t up, const Ring::Range& held);
  bool hopeless() const { return stalls_ > kMaxStalls; }

 private:
  enum class Stage : uint8_t { kHelloDue, kHelloSent, kWelcomed };

  uint16_t window_;
  Stage stage_ = Stage::kHelloDue;
  uint8_t stalls_ = 0;     // times in a row that nothing moved
  uint32_t cursor_ = 1;    // SEQ to be sent next
  uint32_t expect_ = 0;    // SEQ that the server expects behind what was sent
  uint32_t acked_ = 0;     // the highest that it has said to have
  uint32_t oldest_ = 0;    // OLDEST of the last HELLO
  uint32_t backTo_ = 0;    // where the last unasked WELCOME made us go back to
  uint64_t backAt_ = 0;
  uint64_t helloAt_ = 0;
  uint64_t pausedUntil_ = 0;  // nothing about readings leaves before
  uint64_t progressAt_ = 0;   // last sign that the server gets on with what was sent
};

}  // namespace vaiven
