// What the core needs from the sketch. One object may implement several.
#pragma once

#include <stddef.h>
#include <stdint.h>

namespace vaiven {

// Link is the WebSocket. The Board uses it from tick() only.
class Link {
 public:
  // send gives one text message to the socket. The text may be overwritten, and
  // so may the kHeadroom bytes before it: WebSocketsClient::sendTXT puts its
  // frame header there (headerToPayload) and then allocates nothing. False when
  // the socket did not take it; the Board then drops the connection. A send that
  // may block tells Board::elapsed before it returns.
  virtual bool send(char* text, size_t length) = 0;
  // ping asks the server for a sign of life; its pong comes as Board::onHeard.
  virtual void ping() = 0;
  // close ends the connection. Board::onClose may be called from inside, later
  // or not at all: the Board counts the connection as closed already.
  virtual void close() = 0;
  // trusted says that the connection is encrypted, and to a server that showed a
  // certificate of the CA that was pinned.
  virtual bool trusted() const = 0;

  static constexpr size_t kHeadroom = 14;  // WEBSOCKETS_MAX_HEADER_SIZE

 protected:
  ~Link() = default;
};

// Switches are the board's outputs, in the order of Config::states.
class Switches {
 public:
  // set switches an output and returns the value that it has now, which is what
  // the server is told.
  virtual int32_t set(uint8_t state, int32_t value) = 0;

 protected:
  ~Switches() = default;
};

// Store keeps what must survive power loss.
class Store {
 public:
  // keepToken replaces the board's token. The text ends in NUL and is valid during
  // the call only. False, and nothing changes, if it must not be replaced: one that a
  // person gave the board is not, unless the connection is trusted.
  virtual bool keepToken(const char* token, bool trusted) = 0;
  // token is the board's token, "" for none. It is read while a HELLO is written, and
  // sent nowhere: over a trusted connection the socket library shows it as
  // "Authorization: Bearer".
  virtual const char* token() const = 0;

 protected:
  ~Store() = default;
};

// Random is the hardware's generator: esp_random(), not Arduino's random(),
// which WebSocketsClient seeds with millis(), so that boards powered on
// together would share their BOOT and their waits.
class Random {
 public:
  virtual uint32_t next() = 0;

 protected:
  ~Random() = default;
};

// Guard keeps the task that samples and the task that sends apart, for a few
// microseconds at a time: a spinlock. Nothing is called while it is held.
class Guard {
 public:
  virtual void lock() = 0;
  virtual void unlock() = 0;

 protected:
  ~Guard() = default;
};

enum class Event : uint8_t {
  kOpened,         // the WebSocket is open
  kWelcomed,       // the server took the board in
  kSettled,        // seq: everything up to here is on disk, or refused for good
  kRefused,        // seq (0: none in particular), text: refused for good
  kRefusedForNow,  // seq, text, retry: comes again after that; Board::access may say why
  kDesired,        // the states were set as the server wants them
  kLate,           // a change came past its deadline and was not made
  kBye,            // text, retry
  kFinished,       // the server needs nothing more: wantsLink() stays false
  kToken,          // the server gave the board a token, which was kept
  kNewBoot,        // this BOOT was used before: another one was chosen
  kClosed,         // the connection is over; retry: ms until the next
  kLost,           // seq: the reading that was overwritten in the full ring
};

// Note is what an Observer is told. Its text is the server's, ends in NUL and is
// valid during the call only; "" for none.
struct Note {
  Event event;
  uint32_t seq = 0;
  uint32_t retry = 0;
  const char* text = "";
};

// Observer is told what happens, for a log, a screen or a light. It must return
// soon. kLost comes from the task that records, all else from that of tick().
class Observer {
 public:
  virtual void told(const Note& note) = 0;

 protected:
  ~Observer() = default;
};

// Outside is everything around a Board. guard and observer may be nullptr.
struct Outside {
  Link& link;
  Switches& switches;
  Store& store;
  Random& random;
  Guard* guard = nullptr;
  Observer* observer = nullptr;
};

}  // namespace vaiven
