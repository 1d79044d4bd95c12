// A task that samples beside the task that sends, as on a board, under the
// thread sanitizer: nothing is touched by both without the guard, and every
// reading arrives once and in order, or is counted as lost.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "vaiven.h"
#include "vaiven/json_reader.h"

namespace {

constexpr uint32_t kReadings = 200000;
constexpr vaiven::Sensor kSensors[] = {{"N", 0}};
constexpr vaiven::State kStates[] = {{"LED", 0}};

void require(bool condition, const char* what) {
  if (condition) return;
  printf("FAIL %s\n", what);
  exit(1);
}

class Spin final : public vaiven::Guard {
 public:
  void lock() override { mutex_.lock(); }
  void unlock() override { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

// World is the server too: it takes every reading, and acknowledges at leisure.
class World final : vaiven::Link, vaiven::Switches, vaiven::Store, vaiven::Random {
 public:
  World() : board_(config(), held_, checks_, {*this, *this, *this, *this, &spin_, nullptr}) {}

  void run() {
    require(board_.begin(0), "begin");
    std::thread sampler([this] { sample(); });
    uint32_t now = 2000;
    board_.tick(now);
    board_.onOpen(now);
    while (!done_.load() || board_.waiting() > 0) {
      board_.tick(now += 1);
      answer(now);
      if (now % 97 == 0) board_.switched(0, now % 2);
    }
    sampler.join();
    // One that is overwritten while its ACK is on its way counts as lost, too.
    require(board_.lost() >= lostByGap_, "what the server was not given was counted");
    require(expected_ == kReadings + 1, "every reading settled");
    require(board_.failures() == kReadings / 8, "every failure counted");
    printf("ok   two tasks: %u readings, %u of them lost in the full ring and counted\n", kReadings, lostByGap_);
  }

 private:
  vaiven::Config& config() {
    config_.device = "101";
    config_.sensors = kSensors;
    config_.sensorCount = 1;
    config_.states = kStates;
    config_.stateCount = 1;
    return config_;
  }

  void sample() {
    for (uint32_t n = 1; n <= kReadings; n++) {
      const float value = static_cast<float>(n);
      require(board_.record(n, &value) == n, "SEQ");
      if (n % 8 == 0) board_.failed();
      if (n % 64 == 0) std::this_thread::yield();
    }
    done_.store(true);
  }

  bool send(char* text, size_t length) override {
    const char* end = text + length;
    for (const char* at = text; at < end;) {
      const char* open = static_cast<const char*>(memchr(at, '{', static_cast<size_t>(end - at)));
      if (open == nullptr) break;
      const char* close = static_cast<const char*>(memchr(open, '}', static_cast<size_t>(end - open)));
      take(open, static_cast<size_t>(close + 1 - open));
      at = close + 1;
    }
    return true;
  }

  void take(const char* text, size_t length) {
    uint64_t seq = 0, value = 0, oldest = 0;
    bool hello = false;
    vaiven::ObjectReader reader(text, length);
    vaiven::Field field;
    while (reader.next(field)) {
      if (field.key.is("HELLO")) hello = true;
      if (field.key.is("SEQ")) vaiven::toUnsigned(field.value, seq);
      if (field.key.is("N")) vaiven::toUnsigned(field.value, value);
      if (field.key.is("OLDEST")) vaiven::toUnsigned(field.value, oldest);
    }
    require(reader.complete(), "a whole message");
    if (hello) {
      greet_ = true;
      if (oldest > expected_) lostByGap_ += static_cast<uint32_t>(oldest) - expected_, expected_ = static_cast<uint32_t>(oldest);
    }
    if (seq == 0) return;
    require(seq == value, "the reading of that SEQ");
    if (seq == expected_) expected_++;
  }

  void answer(uint32_t now) {
    char text[128];
    if (!greet_ && now % 3 != 0) return;
    snprintf(text, sizeof text, "{%s\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%u}", greet_ ? "\"WELCOME\":1," : "", board_.boot(), expected_ - 1);
    greet_ = false;
    board_.onMessage(now, text, strlen(text));
  }

  void ping() override {}
  void close() override { require(false, "the connection stands"); }
  int32_t set(uint8_t, int32_t value) override { return value; }
  bool trusted() const override { return false; }
  bool keepToken(const char*, bool) override { return false; }
  const char* token() const override { return ""; }
  uint32_t next() override { return random_ = random_ * 1664525u + 1013904223u; }

  uint32_t random_ = 1;
  uint32_t expected_ = 1;
  uint32_t lostByGap_ = 0;
  bool greet_ = false;
  std::atomic<bool> done_{false};
  Spin spin_;
  vaiven::Config config_;
  vaiven::Held<1, 1024> held_;
  vaiven::Checks<1024> checks_;
  vaiven::Board board_;
};

}  // namespace

int main() {
  static World world;
  world.run();
  return 0;
}
