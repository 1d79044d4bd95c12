// Fuzzing of everything a board receives: the server's messages, the pulses of
// its sensor, and what it finds in memory after a restart. Input: commands of a
// byte each, some with a length and bytes behind them (see run).
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vaiven.h"
#include "vaiven/server_message.h"

namespace {

void require(bool condition) {
  if (!condition) abort();
}

constexpr vaiven::Sensor kSensors[] = {{"TEMP", 1}, {"HUM", 1}};
constexpr vaiven::State kStates[] = {{"LED", 0}, {"RELAY", 0}};

// Input hands out the fuzzer's bytes.
class Input {
 public:
  Input(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  uint8_t byte() { return empty() ? 0 : *at_++; }
  // piece copies n bytes, or what there is, to memory of exactly that size, so
  // that the sanitizer sees a read past its end.
  uint8_t* piece(size_t n, size_t& got) {
    got = n < static_cast<size_t>(end_ - at_) ? n : static_cast<size_t>(end_ - at_);
    uint8_t* copy = static_cast<uint8_t*>(malloc(got == 0 ? 1 : got));
    if (got > 0) memcpy(copy, at_, got);
    at_ += got;
    return copy;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

class World final : vaiven::Link, vaiven::Switches, vaiven::Store, vaiven::Random, vaiven::Observer {
 public:
  World() : board_(config(), held_, {*this, *this, *this, *this, nullptr, this}) {}

  void run(Input& in) {
    board_.begin(now_);
    connect();
    while (!in.empty()) {
      command(in);
      invariants();
    }
  }

 private:
  vaiven::Config& config() {
    config_.device = "101";
    config_.sensors = kSensors;
    config_.sensorCount = 2;
    config_.states = kStates;
    config_.stateCount = 2;
    return config_;
  }

  void connect() {
    now_ += 60000;
    board_.tick(now_);
    board_.onOpen(now_);
    board_.tick(now_);
    // A BOOT that the fuzzer can write.
    strcpy(held_.header.boot, "9f3c02aa");
    const char text[] = "{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\",\"ACK\":0}";
    if (board_.waiting() == 0) board_.onMessage(now_, text, strlen(text));
  }

  void command(Input& in) {
    const uint8_t op = in.byte();
    size_t got = 0;
    switch (op % 8) {
      case 0:
      case 1: {  // a message, up to 1 KiB
        const size_t want = op % 8 == 0 ? in.byte() : 4u * in.byte() + 4;
        uint8_t* text = in.piece(want, got);
        board_.onMessage(now_, reinterpret_cast<char*>(text), got);
        free(text);
        return;
      }
      case 2: {
        const float values[] = {static_cast<float>(in.byte()), 50};
        for (int n = in.byte() % 16; n >= 0; n--) board_.record(now_, values);
        return;
      }
      case 3:
        now_ += 1u << (in.byte() % 31);
        return board_.tick(now_);
      case 4:
        trusted_ = !trusted_;
        return board_.onClose(now_, static_cast<uint16_t>(4096 + in.byte()));
      case 5:
        return connect();
      case 6:
        return pulses(in);
      case 7:
        return restart(in);
    }
  }

  void pulses(Input& in) {
    uint16_t high[vaiven::kDhtBits];
    for (uint16_t& h : high) h = in.byte();
    const vaiven::DhtModel model = in.byte() & 1 ? vaiven::DhtModel::kDht11 : vaiven::DhtModel::kDht22;
    const vaiven::DhtReading r = vaiven::decodeDhtPulses(model, high);
    if (r.ok()) require(r.temperature >= -40 && r.temperature <= 125 && r.humidity >= 0 && r.humidity <= 100);
  }

  // restart damages what was sealed, or seals what was damaged.
  void restart(Input& in) {
    board_.seal(now_);
    size_t got = 0;
    const size_t at = (in.byte() * 256u + in.byte()) % sizeof held_;
    const bool resealed = in.byte() & 1;
    uint8_t* bytes = in.piece(in.byte() % 16, got);
    const size_t fits = got < sizeof held_ - at ? got : sizeof held_ - at;
    const uint32_t capacity = held_.header.capacity, width = held_.header.values;
    memcpy(reinterpret_cast<uint8_t*>(&held_) + at, bytes, fits);
    free(bytes);
    if (resealed && held_.header.capacity == capacity && held_.header.values == width) {
      vaiven::seal(held_.header, held_.words);
    }
    if (!board_.resume(now_, in.byte() * 1000u)) board_.begin(now_);
    connect();
  }

  void invariants() {
    const vaiven::Header& h = held_.header;
    require(h.head >= 1 && h.next >= h.head && h.next - h.head <= 16);
    require(h.boot[vaiven::kBootDigits] == '\0');
    require(board_.waiting() == h.next - h.head);
  }

  bool send(char* text, size_t length) override {
    require(length > 0 && length <= vaiven::kMaxMessage);
    memset(text - kHeadroom, 'h', kHeadroom + length);
    return true;
  }
  void ping() override {}
  void close() override { board_.onClose(now_); }
  int32_t set(uint8_t state, int32_t value) override {
    require(state < 2);
    return value;
  }
  bool trusted() const override { return trusted_; }
  bool keepToken(const char* token, bool trusted) override {
    require(vaiven::validToken(token, strlen(token)) && trusted == trusted_);
    require(trusted_ || held_.header.waited == 1);
    strcpy(token_, token);
    return true;
  }
  const char* token() const override { return token_; }
  uint32_t next() override { return random_ = random_ * 1664525u + 1013904223u; }
  void told(const vaiven::Note& note) override { require(strlen(note.text) <= vaiven::kMaxMessage + kHeadroom); }

  uint32_t now_ = UINT32_MAX - 200000;
  uint32_t random_ = 1;
  bool trusted_ = false;
  char token_[vaiven::kTokenLength + 1] = "";
  vaiven::Config config_;
  vaiven::Held<2, 16> held_;
  vaiven::Board board_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Input in(data, size);
  World world;
  world.run(in);
  return 0;
}
