#include "clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

#include "options.h"

namespace host {
namespace {

double speed = 1;
int64_t powerOn = 0;         // CLOCK_MONOTONIC, ns
int64_t boot = 0;            // the same, of this boot
uint64_t firstBootMs = 0;    // millis() at boot
int64_t patience = 2000;     // real ms
thread_local int64_t waitedBefore = 0;

int64_t nowNs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
}

uint64_t simulatedUs(int64_t sinceNs) { return uint64_t(double(nowNs() - sinceNs) / 1000 * speed); }

}  // namespace

void startClock() {
  turnBegins();  // an exec keeps the kernel's account
  speed = std::max(0.001, optionReal("BOARD_SPEED", 1));
  patience = int64_t(optionReal("BOARD_PATIENCE", 2000));
  boot = nowNs();
  const char* origin = getenv("BOARD__POWERON");
  powerOn = origin ? std::stoll(origin) : boot;
  firstBootMs = origin ? 0 : uint64_t(optionReal("BOARD_MILLIS", 0));
}

uint64_t sinceBootUs() { return firstBootMs * 1000 + simulatedUs(boot); }

uint64_t sincePowerOnUs() { return simulatedUs(powerOn); }

void sleepUs(uint64_t us) {
  int64_t ns = int64_t(double(us) * 1000 / speed);
  timespec t{ns / 1000000000, ns % 1000000000};
  while (nanosleep(&t, &t) != 0) {
  }
}

int64_t waitedMs() {
  thread_local int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  char text[80] = "";
  long long ran = 0, waited = 0;
  if (pread(fd, text, sizeof text - 1, 0) <= 0 || sscanf(text, "%lld %lld", &ran, &waited) != 2) return 0;
  return int64_t(double(waited) / 1e6 * speed);
}

void turnBegins() { waitedBefore = waitedMs(); }

int64_t turnWaitedMs() { return waitedMs() - waitedBefore; }

double realMs(uint64_t simulatedMs) { return double(simulatedMs) / speed; }

double patienceMs() { return double(patience); }

Deadline::Deadline(uint64_t simulatedMs) {
  int64_t real = std::max(int64_t(realMs(simulatedMs)), patience);
  end_ = nowNs() + real * 1000000;
}

bool Deadline::passed() const { return nowNs() >= end_; }

int Deadline::remainingMs() const {
  int64_t left = end_ - nowNs();
  return left <= 0 ? 0 : int(left / 1000000 + 1);
}

std::string clockVariable() { return "BOARD__POWERON=" + std::to_string(powerOn); }

}  // namespace host
