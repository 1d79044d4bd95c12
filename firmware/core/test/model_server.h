// A server in a few lines, after docs/PROTOCOL.md: settles SEQs in order,
// answers jumps, refuses now and then, commits late, and forgets in a crash what
// it had not committed. It also has a wish for the LED, sometimes with a
// deadline. Whatever it sees that a correct board would not do is a failed check.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "dice.h"
#include "ledger.h"

// Moods are how often things go wrong, one in so many; 0: never.
struct Moods {
  uint32_t busy = 0;        // readings refused for now
  uint32_t bad = 0;         // readings refused for good
  uint32_t repeatAck = 0;   // ACKs sent twice
  uint32_t asks = 0;        // HELLOs that are asked for a proof, half of them insistingly
  uint32_t foreign = 0;     // answers about another boot before ours
  uint32_t commitDelay = 1; // ms at most until a reading is on disk
};

class ModelServer {
 public:
  ModelServer(Ledger& ledger, Dice& dice) : ledger_(ledger), dice_(dice) {}

  // The token that every board here has.
  static constexpr char kToken[] = "vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

  // Out takes the server's messages to the board.
  class Out {
   public:
    virtual void say(const char* text) = 0;

   protected:
    ~Out() = default;
  };

  void clear();
  void opened();
  void closed() { open_ = false; }
  // crash forgets what was not committed.
  void crash();
  // receive takes a message that left the board at `sent`: its AGE is right for
  // that moment, and the network's delay is nobody's mistake.
  void receive(const char* text, size_t length, int64_t sent, int64_t now, const Moods& moods, Out& out);
  void tick(int64_t now, const Moods& moods, Out& out);
  // wish asks for an LED state; deadline 0: none.
  void wish(int32_t led, int64_t deadline, int64_t now, Out& out);

  bool wants() const { return wanted_; }
  int32_t led() const { return led_; }
  uint64_t rev() const { return rev_; }
  int64_t deadline(uint64_t rev) const { return rev < kRevs ? deadlines_[rev] : 0; }
  bool confirmed() const { return confirmed_; }
  uint32_t proofs() const { return proofs_; }

 private:
  struct Element;
  struct Power {
    uint32_t next = 1;     // SEQ admitted next
    uint32_t durable = 0;  // settled and on disk
    uint32_t asked = 0;
  };
  struct Pending {
    uint32_t power, from, to;
    int64_t at;  // commit
    int64_t measured;
    enum Kind : uint8_t { kReading, kRefusal, kGap } kind;
  };

  void element(const char* text, size_t length, int64_t sent, int64_t now, const Moods& moods, Out& out);
  bool admitted(const Element& e, const Moods& moods, Out& out);
  void hello(const Element& e, int64_t now, const Moods& moods, Out& out);
  void reading(const Element& e, int64_t sent, int64_t now, const Moods& moods, Out& out);
  void report(const Element& e, int64_t now);
  void welcome(uint32_t power, int64_t now, Out& out);
  void ack(uint32_t power, const Moods& moods, Out& out);
  void error(const char* code, uint32_t power, uint32_t seq, uint32_t retry, Out& out);
  void admit(uint32_t power, uint32_t from, uint32_t to, int64_t measured, int64_t now, const Moods& moods,
             Pending::Kind kind);
  void desire(int64_t now, Out& out);

  static constexpr uint32_t kPending = 512;
  static constexpr uint32_t kRevs = 512;

  Ledger& ledger_;
  Dice& dice_;
  bool open_ = false;
  Power powers_[Ledger::kBoots];
  char names_[Ledger::kBoots][17] = {};
  Pending pending_[kPending];
  uint32_t pendingHead_ = 0, pendingCount_ = 0;

  bool greeted_ = false;
  bool proven_ = false;  // this connection has answered nonce_
  char nonce_[33] = "";
  uint32_t proofs_ = 0;
  int64_t upAt_ = 0;  // the board's UP was `up_` then
  int64_t up_ = 0;
  bool wanted_ = false;
  bool confirmed_ = true;
  int32_t led_ = 0;
  uint64_t rev_ = 0;
  int64_t deadlines_[kRevs] = {};
  int64_t saidAt_ = 0;
};
