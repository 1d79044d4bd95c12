#include "clock.h"

#include <fcntl.h>
#include <unistd.h>

#include <pthread.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <string>
#include <vector>

#include "options.h"

namespace host {
namespace {

double speed = 1;
int64_t powerOn = 0;         // as boardNs, ns
int64_t boot = 0;            // the same, of this boot
uint64_t firstBootMs = 0;    // millis() at boot
int64_t patience = 2000;     // real ms
thread_local int64_t waitedBefore = 0;

// An Account says how far the board's time may go before a task has gone on.
struct Account {
  static constexpr int64_t running = -1, never = INT64_MAX;
  clockid_t processor;    // the thread's
  int64_t due = running;  // of a pause, boardNs; never: it need not go on
  int64_t from = 0;       // boardNs when it began to run, and what it had of the processor then
  int64_t had = 0;
};

// slack is how late a task may be, in real ns: what an idle machine needs to wake it.
constexpr int64_t slack = 5000000;

std::mutex accountsMutex;
std::vector<Account*> accounts;
int64_t stood = 0;  // real ns for which time has stood still
int64_t last = 0;   // what boardNs said last

int64_t read(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return int64_t(now.tv_sec) * 1000000000 + now.tv_nsec;
}

int64_t nowNs() { return read(CLOCK_MONOTONIC); }

// boardNs is the machine's time without what the machine kept the board waiting. The
// caller holds accountsMutex.
int64_t boardNs() {
  int64_t now = nowNs() - stood;
  for (Account* a : accounts) {
    if (a->due == Account::never) continue;
    int64_t limit = slack + (a->due == Account::running ? a->from : a->due);
    if (now > limit && a->due == Account::running) limit += read(a->processor) - a->had;
    if (now > limit) {
      stood += now - limit;
      now = limit;
    }
  }
  return last = std::max(last, now);
}

void run(Account& a) {
  a.from = boardNs();  // how late it is counts before it runs
  a.had = read(a.processor);
  a.due = Account::running;
}

// Joined is the calling thread's account, while it has one.
struct Joined {
  Account* account = nullptr;
  ~Joined() {
    if (!account) return;
    std::lock_guard lock(accountsMutex);
    accounts.erase(std::remove(accounts.begin(), accounts.end(), account), accounts.end());
    delete account;
  }
};
thread_local Joined joined;

int64_t lockedNs() {
  std::lock_guard lock(accountsMutex);
  return boardNs();
}

uint64_t simulatedUs(int64_t sinceNs) { return uint64_t(double(lockedNs() - sinceNs) / 1000 * speed); }

}  // namespace

void joinTask() {
  if (joined.account) return;
  auto* a = new Account;
  pthread_getcpuclockid(pthread_self(), &a->processor);
  std::lock_guard lock(accountsMutex);
  run(*a);
  accounts.push_back(a);
  joined.account = a;
}

uint64_t nowUs() { return simulatedUs(0); }

Pause::Pause(uint64_t us) : due_(us == forever ? forever : nowUs() + us) {
  if (!joined.account) return;
  std::lock_guard lock(accountsMutex);
  joined.account->due = us == forever ? Account::never : boardNs() + int64_t(double(us) * 1000 / speed);
}

Pause::~Pause() {
  if (!joined.account) return;
  std::lock_guard lock(accountsMutex);
  run(*joined.account);
}

double Pause::leftRealMs() const {
  uint64_t now = nowUs();
  return now >= due_ ? 0 : double(due_ - now) / 1000 / speed;
}

void startClock() {
  turnBegins();  // an exec keeps the kernel's account
  speed = std::max(0.001, optionReal("BOARD_SPEED", 1));
  patience = int64_t(optionReal("BOARD_PATIENCE", 2000));
  joinTask();
  boot = lockedNs();
  const char* origin = getenv("BOARD__POWERON");
  powerOn = origin ? std::stoll(origin) : boot;
  firstBootMs = origin ? 0 : uint64_t(optionReal("BOARD_MILLIS", 0));
}

uint64_t sinceBootUs() { return firstBootMs * 1000 + simulatedUs(boot); }

uint64_t sincePowerOnUs() { return simulatedUs(powerOn); }

void sleepUs(uint64_t us) {
  Pause pause(us);
  for (double ms; (ms = pause.leftRealMs()) > 0;) {
    auto ns = int64_t(ms * 1e6) + 1;
    timespec t{ns / 1000000000, ns % 1000000000};
    nanosleep(&t, nullptr);
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

std::string clockVariable() {
  std::lock_guard lock(accountsMutex);
  boardNs();
  return "BOARD__POWERON=" + std::to_string(powerOn + stood);
}

}  // namespace host
