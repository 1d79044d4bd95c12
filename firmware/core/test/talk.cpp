// A Board on standard input and output, for programs that speak the server's
// part. One command a line, answered by what the Board did and an empty line:
//
//   tick MS | open | close CODE | record VALUE... | switch STATE VALUE | hear MESSAGE | token TEXT | trust
//
//   send MESSAGE | set STATE VALUE | token TEXT | note EVENT SEQ RETRY TEXT | boot BOOT
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vaiven.h"

namespace {

constexpr vaiven::Sensor kSensors[] = {{"TEMP", 1}, {"HUM", 1}};
constexpr vaiven::State kStates[] = {{"LED", 0}, {"RELAY", 0}};

class Talk final : vaiven::Link, vaiven::Switches, vaiven::Store, vaiven::Random, vaiven::Observer {
 public:
  explicit Talk(const char* device)
      : config_(config(device)), board_(config_, held_, {*this, *this, *this, *this, nullptr, this}) {}

  int run() {
    if (!board_.begin(now_)) {
      fprintf(stderr, "%s\n", board_.problem());
      return 1;
    }
    printf("boot %s\n\n", board_.boot());
    fflush(stdout);
    static char line[4096];
    while (fgets(line, sizeof line, stdin) != nullptr) {
      line[strcspn(line, "\n")] = '\0';
      command(line);
      printf("\n");
      fflush(stdout);
    }
    return 0;
  }

 private:
  static vaiven::Config config(const char* device) {
    vaiven::Config c;
    c.device = device;
    c.firmware = "1.0.0";
    c.sensors = kSensors;
    c.sensorCount = 2;
    c.states = kStates;
    c.stateCount = 2;
    return c;
  }

  void command(char* line) {
    char* rest = strchr(line, ' ');
    if (rest != nullptr) *rest++ = '\0';
    else rest = line + strlen(line);
    if (strcmp(line, "tick") == 0) {
      now_ += static_cast<uint32_t>(strtoul(rest, nullptr, 10));
      board_.tick(now_);
    } else if (strcmp(line, "open") == 0) {
      board_.onOpen(now_);
    } else if (strcmp(line, "close") == 0) {
      board_.onClose(now_, static_cast<uint16_t>(strtoul(rest, nullptr, 10)));
    } else if (strcmp(line, "record") == 0) {
      float values[2];
      for (float& value : values) value = strtof(rest, &rest);
      board_.record(now_, values);
    } else if (strcmp(line, "switch") == 0) {
      const long state = strtol(rest, &rest, 10);
      board_.switched(static_cast<uint8_t>(state), static_cast<int32_t>(strtol(rest, nullptr, 10)));
    } else if (strcmp(line, "hear") == 0) {
      board_.onMessage(now_, rest, strlen(rest));
    } else if (strcmp(line, "token") == 0) {
      snprintf(token_, sizeof token_, "%s", rest);
    } else if (strcmp(line, "trust") == 0) {
      trusted_ = true;
    }
  }

  bool send(char* text, size_t length) override {
    printf("send %.*s\n", static_cast<int>(length), text);
    return true;
  }
  void ping() override {}
  void close() override {}
  int32_t set(uint8_t state, int32_t value) override {
    printf("set %d %ld\n", state, static_cast<long>(value));
    return value;
  }
  bool trusted() const override { return trusted_; }
  bool keepToken(const char* token, bool) override {
    printf("token %s\n", token);
    snprintf(token_, sizeof token_, "%s", token);
    return true;
  }
  const char* token() const override { return token_; }
  uint32_t next() override { return random_ = random_ * 1664525u + 1013904223u; }
  void told(const vaiven::Note& note) override {
    printf("note %d %lu %lu %s\n", static_cast<int>(note.event), static_cast<unsigned long>(note.seq),
           static_cast<unsigned long>(note.retry), note.text);
  }

  uint32_t now_ = 0;
  uint32_t random_ = 1;
  bool trusted_ = false;
  char token_[vaiven::kTokenLength + 1] = "";
  vaiven::Config config_;
  vaiven::Held<2, 64> held_;
  vaiven::Board board_;
};

}  // namespace

int main(int argc, char** argv) {
  Talk talk(argc > 1 ? argv[1] : "101");
  return talk.run();
}
