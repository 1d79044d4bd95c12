// A random life of one board: its network, its sensor, its power and its server,
// with everything going wrong that may, and then a calm at whose end every
// reading must be accounted for.
#pragma once

#include "ledger.h"
#include "model_server.h"
#include "vaiven.h"

// Probe stands around every call into the Board.
class Probe {
 public:
  enum Call { kTick, kMessage, kRecord, kOther, kCalls };
  virtual void before() = 0;
  virtual void after(Call call) = 0;

 protected:
  ~Probe() = default;
};

class Schedule final : vaiven::Link, vaiven::Switches, vaiven::Store, vaiven::Random, vaiven::Guard, vaiven::Observer, ModelServer::Out {
 public:
  Schedule();

  // run lives through one schedule. False when a check failed in it.
  bool run(uint32_t seed);

  void probe(Probe* probe) { probe_ = probe; }

  // What has happened over all schedules, to show that faults did occur.
  struct Totals {
    uint64_t simulated = 0;  // ms
    uint32_t readings = 0, lost = 0, resent = 0, stalls = 0, connections = 0, rollovers = 0, sleeps = 0, cuts = 0, panics = 0;
    uint32_t refusals = 0, wishes = 0, late = 0, local = 0;
  };
  const Totals& totals() const { return totals_; }

 private:
  // A message on its way, in one direction.
  struct Parcel {
    int64_t at;    // delivered
    int64_t sent;  // handed over
    size_t length;
    char text[vaiven::kMaxMessage];
  };
  // Lane keeps the order of messages, as TCP does, whatever their delays.
  struct Lane {
    static constexpr uint32_t kMost = 128;
    Parcel parcels[kMost];
    uint32_t head = 0, count = 0;
    bool put(const char* text, size_t length, int64_t now, uint32_t delay);
    Parcel* due(int64_t now);
    void pop() { head = (head + 1) % kMost, count--; }
    void clear() { head = count = 0; }
  };

  void choose();
  void calm();
  void step(uint32_t ms);
  void network();
  void accidents();
  void people();
  void sample();
  void cut();
  void sleep();
  void panic();
  void mark();
  void start(uint32_t asleep);
  void hang();
  void expectAll();
  uint32_t millis() const { return static_cast<uint32_t>(now_) + offset_; }
  template <class F>
  void call(Probe::Call call, F f);

  // The board's surroundings.
  bool send(char* text, size_t length) override;
  void ping() override;
  void close() override;
  int32_t set(uint8_t state, int32_t value) override;
  bool trusted() const override { return false; }
  bool keepToken(const char*, bool) override { return false; }
  const char* token() const override { return ""; }
  uint32_t next() override { return dice_.next(); }
  void lock() override;
  void unlock() override { locked_ = false; }
  void told(const vaiven::Note& note) override;
  // The server's.
  void say(const char* text) override;

  static constexpr size_t kCapacity = 64;

  Dice dice_{1};
  Ledger ledger_;
  ModelServer server_{ledger_, dice_};
  vaiven::Config config_;
  vaiven::Held<2, kCapacity> held_;
  vaiven::Checks<kCapacity> checks_;
  alignas(vaiven::Board) unsigned char place_[sizeof(vaiven::Board)];
  vaiven::Board* board_ = nullptr;
  Probe* probe_ = nullptr;
  Totals totals_;

  int64_t now_ = 0;      // what time it really is, in ms
  uint32_t offset_ = 0;  // of the board's millis()
  bool connected_ = false;
  bool silent_ = false;  // the network swallows everything
  bool locked_ = false;
  bool sampling_ = false;
  bool calm_ = false;
  int64_t silentUntil_ = 0;
  int64_t serverBackAt_ = 0;
  int64_t nextSample_ = 0;
  int64_t markedAt_ = 0;   // when the board's UP was noted last
  uint64_t markedUp_ = 0;
  int32_t led_ = 0;
  Lane up_, down_;

  // Of the schedule.
  Moods moods_;
  uint32_t latency_ = 1, sampleEvery_ = 1000, longStep_ = 100;
  uint32_t breaks_ = 0, crashes_ = 0, silences_ = 0, dialFailures_ = 0, sendFailures_ = 0;
  uint32_t byes_ = 0, sleeps_ = 0, cuts_ = 0, panics_ = 0, wishes_ = 0, local_ = 0, garbage_ = 0, preemptions_ = 0, hangs_ = 0;
};
