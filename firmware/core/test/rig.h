// A Board with everything around it replaced by notebooks: what it sends, what
// it switches, what it keeps. Time is what the test says.
#pragma once

#include <stdio.h>
#include <string.h>

#include "check.h"
#include "vaiven.h"

class Rig final : public vaiven::Link,
                  public vaiven::Switches,
                  public vaiven::Store,
                  public vaiven::Random,
                  public vaiven::Observer {
 public:
  static constexpr vaiven::Sensor kSensors[] = {{"TEMP", 1}, {"HUM", 1}};
  static constexpr vaiven::State kStates[] = {{"LED", 0}};
  static constexpr size_t kMessages = 48;

  Rig() : Rig(0) {}
  // The board's millis() begins at `start`.
  explicit Rig(uint32_t start)
      : now(start), config(usual()), board(config, held, checks, {*this, *this, *this, *this, nullptr, this}) {
    memset(&held, 0x5a, sizeof held);  // what memory holds at power-up
    memset(&checks, 0x5a, sizeof checks);
  }

  static vaiven::Config usual() {
    vaiven::Config c;
    c.device = "101";
    c.sensors = kSensors;
    c.sensorCount = 2;
    c.states = kStates;
    c.stateCount = 1;
    return c;
  }

  // --- the test's side ---

  void tick(uint32_t ms = 0) {
    now += ms;
    board.tick(now);
  }
  // pass lets time go by in steps that loop() might take.
  void pass(uint32_t ms, uint32_t step = 100) {
    for (uint32_t done = 0; done < ms; done += step) tick(step);
  }
  void hear(const char* text) { board.onMessage(now, text, strlen(text)); }
  void open() {
    pass(vaiven::Backoff::kLongest * 2);
    CHECK(board.wantsLink());
    board.onOpen(now);
    tick();
  }
  // welcome goes on from an opened connection to one where readings flow.
  void welcome(uint32_t ack) {
    char text[128];
    snprintf(text, sizeof text, "{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%lu,\"NOW\":1795333377000}",
             board.boot(), static_cast<unsigned long>(ack));
    hear(text);
    tick();
  }
  void ack(uint32_t seq) {
    char text[96];
    snprintf(text, sizeof text, "{\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%lu}", board.boot(),
             static_cast<unsigned long>(seq));
    hear(text);
  }
  // online is begin, open, welcome, and nothing sent yet.
  void online() {
    board.begin(now);
    open();
    welcome(0);
    forget();
  }
  uint32_t measure(float temperature, float humidity) {
    const float values[] = {temperature, humidity};
    return board.record(now, values);
  }
  void forget() { sentCount = 0; }
  // sent returns the i-th message since forget(), with BOOT's digits as a *.
  const char* sent(size_t i) {
    if (i >= sentCount) return "(nothing)";
    char* boot = strstr(messages[i], board.boot());
    while (boot != nullptr) {
      memmove(boot + 1, boot + vaiven::kBootDigits, strlen(boot + vaiven::kBootDigits) + 1);
      *boot = '*';
      boot = strstr(messages[i], board.boot());
    }
    return messages[i];
  }
  // find returns the first message with something in it.
  const char* find(const char* what) {
    for (size_t i = 0; i < sentCount; i++) {
      if (strstr(sent(i), what) != nullptr) return messages[i];
    }
    return "(nothing)";
  }
  size_t told(vaiven::Event event) const { return events[static_cast<size_t>(event)]; }

  // --- the Board's side ---

  bool send(char* text, size_t length) override {
    memset(text - kHeadroom, 'h', kHeadroom);  // as the socket library does
    const bool fits = sentCount < kMessages && length < sizeof messages[0];
    CHECK(fits);
    if (fits) {
      memcpy(messages[sentCount], text, length);
      messages[sentCount++][length] = '\0';
    }
    memset(text, 'x', length);
    now += sendBlocks;
    board.elapsed(now);
    return !sendFails;
  }
  void ping() override { pings++; }
  void close() override {
    closes++;
    board.onClose(now);
  }
  int32_t set(uint8_t state, int32_t value) override {
    output[state] = value;
    sets++;
    return value;
  }
  bool trusted() const override { return tls; }
  bool keepToken(const char* text, bool safe) override {
    CHECK_EQ(safe, tls);
    if (fixedToken && !safe) return false;
    snprintf(kept, sizeof kept, "%s", text);
    return true;
  }
  const char* token() const override { return kept; }
  uint32_t next() override {
    random = random * 1664525u + 1013904223u;  // Numerical Recipes: the same each time
    return random;
  }
  void told(const vaiven::Note& note) override {
    events[static_cast<size_t>(note.event)]++;
    last = note;
    snprintf(said, sizeof said, "%s", note.text);
  }

  uint32_t now;
  vaiven::Config config;
  vaiven::Held<2, 64> held;
  vaiven::Checks<64> checks;
  vaiven::Board board;

  char messages[kMessages][vaiven::kMaxMessage + 1];
  size_t sentCount = 0;
  bool sendFails = false;
  uint32_t sendBlocks = 0;  // ms that each send takes
  int pings = 0;
  int closes = 0;
  int sets = 0;
  int32_t output[vaiven::kMaxStates] = {};
  bool tls = false;
  bool fixedToken = false;
  char kept[600] = "";
  uint32_t random = 1;
  size_t events[16] = {};
  vaiven::Note last = {vaiven::Event::kClosed};
  char said[vaiven::kMaxMessage + 1] = "";
};
