// The board's time, which may run faster than the machine's: BOARD_SPEED=50 is
// 50 simulated seconds per real one. Safe from every thread.
//
// It waits for the board's own tasks. A machine that is busy may run a task late by a
// second, which is a minute of the board's: no chip does that, and a sketch would
// rightly take itself for stuck. So time stands still beyond the moment at which a
// task ought to have gone on, until it does. What it waits for on purpose is a Pause.
#pragma once

#include <cstdint>
#include <string>

namespace host {

// startClock reads BOARD_SPEED (default 1) and BOARD_MILLIS, the value of
// millis() at power-on (default 0).
void startClock();

// sinceBootUs is what millis(), micros() and esp_timer_get_time() count: begins
// at BOARD_MILLIS after power-on, at 0 after a wake or a restart.
uint64_t sinceBootUs();

// sincePowerOnUs runs on through restarts and deep sleep, as the RTC timer does.
uint64_t sincePowerOnUs();

// joinTask makes time wait for the calling thread, until that ends. startClock does
// it for the sketch's own loop.
void joinTask();

// nowUs is the moment that Pause counts from; it never goes back.
uint64_t nowUs();

// Pause is a wait on purpose: the thread is due so many simulated us later at the
// latest (forever: it need not go on at all). Time does not stand still before that.
class Pause {
 public:
  static constexpr uint64_t forever = UINT64_MAX;
  explicit Pause(uint64_t us);
  ~Pause();
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  bool over() const { return nowUs() >= due_; }
  double leftRealMs() const;  // what is left, at most so much real time

 private:
  uint64_t due_;
};

// sleepUs waits so much simulated time.
void sleepUs(uint64_t us);

// realMs is the real time that so many simulated ms take.
double realMs(uint64_t simulatedMs);

// patienceMs is BOARD_PATIENCE, in real ms. Deadline is when a network step is given up: after so many simulated ms, but
// never before BOARD_PATIENCE (default 2000). Neither the server nor
// the machine's scheduler runs 50 times faster because the board's time does.
double patienceMs();

class Deadline {
 public:
  explicit Deadline(uint64_t simulatedMs);
  bool passed() const;
  int remainingMs() const;  // real, 0 when passed

 private:
  int64_t end_;  // CLOCK_MONOTONIC, ns
};

// clockVariable is what startClock finds in the environment after an exec.
std::string clockVariable();


// waitedMs is for how many simulated ms this thread has been kept waiting for a
// processor since it began, by the kernel's account (0 where there is none).
int64_t waitedMs();

// turnWaitedMs is how many of them since turnBegins, which loop() and the start call;
// of another thread, since it began.
void turnBegins();
int64_t turnWaitedMs();

}  // namespace host
