// The board: what happens when, over the parts that know how.
#pragma once

#include "backoff.h"
#include "config.h"
#include "flight.h"
#include "held.h"
#include "json_writer.h"
#include "liveness.h"
#include "outside.h"
#include "proof.h"
#include "ring.h"
#include "server_message.h"
#include "twin.h"
#include "uptime.h"

namespace vaiven {

// Status is what a light or a screen shows.
enum class Status : uint8_t {
  kOffline,   // no WebSocket: waiting, or dialling
  kGreeting,  // the WebSocket is open, the server has not welcomed us yet
  kOnline,    // readings flow
  kRefused,   // the server answered, and does not want this board now
  kWaiting,   // the server waits for a person to approve this board
  kFinished,  // the server needs nothing more
};

// Stats count since the program began.
struct Stats {
  uint32_t sent = 0;         // readings given to the socket for the first time on a connection
  uint32_t messages = 0;     // given to the socket
  uint32_t settled = 0;      // readings acknowledged, the refused ones too
  uint32_t refused = 0;      // ERRORs for good about a reading
  uint32_t refusedNow = 0;   // ERRORs for now
  uint32_t otherErrors = 0;  // ERRORs about something else
  uint32_t goBacks = 0;      // times that readings were sent again on one connection
  uint32_t stalls = 0;       // of those, for want of an answer
  uint32_t opened = 0;       // connections
  uint32_t welcomed = 0;     // of those, with the server's WELCOME
  uint32_t foreign = 0;      // answers about another BOOT or board: ignored
  uint32_t unknown = 0;      // messages that could not be read: ignored
  uint32_t late = 0;         // changes past their deadline: not made
  uint32_t stale = 0;        // changes behind a newer one: not made
};

// The protocol's close code for a missing or wrong token; what a sketch makes of a
// handshake that was refused with HTTP 401 or 403.
constexpr uint16_t kCloseUnauthorised = 4401;

// How long a sleep or a restart took, when nobody knows.
constexpr uint64_t kUnknownTime = UINT64_MAX;

class Board {
 public:
  // config, held and outside must outlive the Board. Nothing happens, and config
  // is not looked at, before begin or resume: setup() may still fill it in.
  template <size_t Values, size_t Capacity>
  Board(const Config& config, Held<Values, Capacity>& held, const Outside& outside)
      : Board(config, Kept{held.header, held.words, nullptr, nullptr}, Values, Capacity, outside) {}
  // With checks, what held holds can be gone on with after a reset that nobody
  // announced: see recover in held.h.
  template <size_t Values, size_t Capacity>
  Board(const Config& config, Held<Values, Capacity>& held, Checks<Capacity>& checks, const Outside& outside)
      : Board(config, Kept{held.header, held.words, &checks.header, checks.readings}, Values, Capacity, outside) {}

  // --- life ---

  // begin starts a new power-up: a new BOOT, SEQ 1, states as configured. `now`
  // is millis(), here and everywhere. A Board that had finished starts again.
  // False when problem() has something to say.
  bool begin(uint32_t now);

  // problem says what begin or resume found wrong with the configuration;
  // nullptr: nothing. A Board with a problem does nothing at all.
  const char* problem() const { return problem_; }

  // resume goes on where a sealed Held ended: same BOOT, next SEQ, states set
  // again on the outputs. `elapsed` is how many ms ago it was sealed, or
  // kUnknownTime: the readings held are then sent with an unknown age. A Board
  // that had finished is finished still. False when there is nothing to resume
  // from; call begin then.
  bool resume(uint32_t now, uint64_t elapsed);

  // seal makes the Held fit to be resumed from. The Board goes on as before; the
  // next change breaks the seal.
  void seal(uint32_t now);

  // --- sensors and switches ---

  // record keeps a reading, one value for each sensor, NaN for one that was not
  // measured. Returns its SEQ, or 0 when no value was measured (a failed
  // conversion, counted as such) or the server needs nothing more. In a full
  // ring the oldest reading is overwritten and counted as lost.
  uint32_t record(uint32_t now, const float* values);
  // failed counts a conversion that gave nothing. It uses no SEQ.
  void failed();
  // switched notes that a person changed an output at the board itself.
  void switched(uint8_t state, int32_t value);

  // --- the socket ---

  // wantsLink says whether to dial, or to keep the connection. While it is false
  // the socket is left alone.
  bool wantsLink() const { return phase_ == Phase::kDialling || phase_ == Phase::kOpen; }
  void onOpen(uint32_t now);
  // onMessage takes one text message as it came.
  void onMessage(uint32_t now, const char* text, size_t length);
  // onHeard notes any other sign of life: ping, pong.
  void onHeard(uint32_t now);
  // onClose notes that the connection is over or that dialling failed. `code` is
  // the close code of RFC 6455, 0 when there is none or nobody knows.
  void onClose(uint32_t now, uint16_t code = 0);

  // elapsed says what time it is, when Link::send has blocked: what is sent next
  // in the same tick then has the right AGE.
  void elapsed(uint32_t now) { clock_.advance(now); }

  // tick does what is due: sends, sends again, pings, drops, ends a wait. Call
  // it often (every loop; at the very least once in 24 days).
  void tick(uint32_t now);

  // --- what to show ---

  Status status() const;
  // access is why the server refuses the board, as it last said; kOpen since WELCOME.
  Access access() const { return access_; }
  // quiet says that a sleeping board may sleep: welcomed on this connection,
  // everything acknowledged, every state told, nothing on its way.
  bool quiet() const;
  const Stats& stats() const { return stats_; }
  const char* boot() const { return header_.boot; }
  uint32_t waiting() const;                            // readings not acknowledged
  uint32_t lost() const;                               // readings given up
  uint32_t failures() const;                           // failed conversions
  uint64_t up() const { return clock_.up(); }          // ms since power-up
  uint64_t rev() const { return twin_.rev(); }         // to be reported; 0: none
  int32_t state(uint8_t index) const { return twin_.value(index); }

 private:
  enum class Phase : uint8_t { kIdle, kWaiting, kDialling, kOpen, kFinished };

  Board(const Config& config, const Kept& kept, size_t values, size_t capacity, const Outside& outside);

  // board.cpp: life, events and time.
  bool prepare();
  void start();
  void chooseBoot();
  void renewBoot();
  void closed(uint16_t code);
  void finish();
  void drop();
  bool mustDrop() const;
  void tell(Event event, uint32_t seq = 0, uint32_t retry = 0, const char* text = "");

  // compose.cpp: what goes out.
  void sendWhatIsDue();
  bool sendNext();
  bool sendHello();
  bool sendReport();
  bool sendReadings();
  bool writeReading(uint32_t seq);
  void writeBoard();
  void writeDeclaration();
  void writeStates(uint64_t rev);
  void writeProof();
  void compose();
  bool give(size_t skip);

  // receive.cpp: what comes in.
  bool forUs(const ServerMessage& message);
  void gotWelcome(const ServerMessage& message);
  void gotAck(const ServerMessage& message);
  bool settle(uint64_t ack);
  void gotDesired(const ServerMessage& message);
  void gotNonce(const ServerMessage& message);
  void gotToken(const ServerMessage& message);
  void gotError(const ServerMessage& message);
  void gotNoAccess(Access access);
  void gotBye(const ServerMessage& message);
  void setWaited(bool waited);
  const char* readable(const ServerMessage& message);

  const Config& config_;
  Outside outside_;
  Header& header_;
  const char* problem_ = nullptr;
  char device_[kMaxDevice + 1] = "";  // as the server writes it

  Uptime clock_;
  Ring ring_;
  Twin twin_;
  Flight flight_;
  Liveness liveness_;
  Backoff backoff_;
  Stats stats_;

  Phase phase_ = Phase::kIdle;
  bool doomed_ = false;     // tick drops the connection
  bool leaving_ = false;    // BYE came: nothing more is sent
  bool finishing_ = false;  // it had RETRY 0
  bool acknowledged_ = false;  // the server had some reading of this BOOT
  bool refused_ = false;    // the last answer was a refusal of the whole board
  bool greetAgain_ = false;  // another HELLO is due at once: NONCE or TOKEN came
  bool proving_ = false;     // a HELLO with PROOF has no answer yet
  Access access_ = Access::kOpen;
  char nonce_[kNonceDigits + 1] = "";  // of this connection, not answered yet
  uint64_t welcomedAt_ = 0;
  uint64_t dialAt_ = 0;     // end of the wait
  uint64_t leaveAt_ = 0;    // after BYE: the connection is dropped then
  uint32_t byeRetry_ = 0;

  Writer out_;
  char buffer_[Link::kHeadroom + kMaxMessage];
};

static_assert(sizeof(Board) <= 2048, "as vaiven.h says");

}  // namespace vaiven
