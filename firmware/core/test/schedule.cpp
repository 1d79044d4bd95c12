#include "schedule.h"

#include <stdio.h>
#include <string.h>

namespace {

constexpr vaiven::Sensor kSensors[] = {{"N", 0}, {"HUM", 1}};
constexpr vaiven::State kStates[] = {{"LED", 0}};

// Placement new without the standard library, which a bare machine lacks.
struct Here {};

}  // namespace

inline void* operator new(size_t, Here, void* place) noexcept { return place; }
inline void operator delete(void*, Here, void*) noexcept {}

bool Schedule::Lane::put(const char* text, size_t length, int64_t now, uint32_t delay) {
  if (count == kMost) return false;
  int64_t at = now + delay;
  if (count > 0 && parcels[(head + count - 1) % kMost].at > at) at = parcels[(head + count - 1) % kMost].at;
  Parcel& parcel = parcels[(head + count++) % kMost];
  parcel.at = at;
  parcel.sent = now;
  parcel.length = length;
  memcpy(parcel.text, text, length);
  return true;
}

Schedule::Parcel* Schedule::Lane::due(int64_t now) {
  return count > 0 && parcels[head].at <= now ? &parcels[head] : nullptr;
}

Schedule::Schedule() {
  config_.device = "101";
  config_.sensors = kSensors;
  config_.sensorCount = 2;
  config_.states = kStates;
  config_.stateCount = 1;
}

template <class F>
void Schedule::call(Probe::Call call, F f) {
  if (probe_ != nullptr) probe_->before();
  f();
  if (probe_ != nullptr) probe_->after(call);
}

bool Schedule::run(uint32_t seed) {
  const int before = check::failures();
  dice_ = Dice(seed);
  ledger_.clear();
  server_.clear();
  choose();
  now_ = 1000000;
  // Half of the boards reach the rollover of millis() on the way.
  offset_ = (dice_.oneIn(2) ? UINT32_MAX - dice_.below(400000) : dice_.next()) - static_cast<uint32_t>(now_);
  connected_ = silent_ = calm_ = false;
  silentUntil_ = serverBackAt_ = 0;
  nextSample_ = now_;
  up_.clear();
  down_.clear();
  led_ = 0;
  memset(static_cast<void*>(&held_), 0xa5, sizeof held_);
  memset(static_cast<void*>(&checks_), 0xa5, sizeof checks_);
  board_ = new (Here(), place_) vaiven::Board(config_, held_, checks_, {*this, *this, *this, *this, this, this});
  start(0);
  const int64_t end = now_ + 60000 + dice_.below(400000);
  while (now_ < end && check::failures() == before) {
    step(1 + dice_.below(longStep_));
    accidents();
    people();
  }
  calm();
  while (now_ < end + 200000 && check::failures() == before) step(20 + dice_.below(60));
  expectAll();
  totals_.simulated += static_cast<uint64_t>(now_ - 1000000);
  totals_.readings += ledger_.count();
  totals_.proofs += server_.proofs();
  if (check::failures() != before) printf("in schedule %lu\n", static_cast<unsigned long>(seed));
  return check::failures() == before;
}

// choose draws how bad this life is, each accident by itself.
void Schedule::choose() {
  const uint32_t latencies[] = {2, 50, 400, 4000};
  const uint32_t commits[] = {2, 50, 1000, 30000};
  auto rate = [this](uint32_t often) { return dice_.oneIn(2) ? 0 : often * (1 + dice_.below(8)); };
  latency_ = latencies[dice_.below(4)];
  moods_.commitDelay = commits[dice_.below(4)];
  moods_.busy = rate(40);
  moods_.asks = rate(1);
  moods_.bad = rate(30);
  moods_.repeatAck = rate(2);
  moods_.foreign = rate(3);
  sampleEvery_ = 150 + dice_.below(2000);
  longStep_ = dice_.oneIn(3) ? 2000 : 200;
  breaks_ = rate(100);
  crashes_ = rate(300);
  silences_ = rate(300);
  dialFailures_ = rate(2);
  sendFailures_ = rate(100);
  byes_ = rate(300);
  sleeps_ = rate(200);
  cuts_ = rate(800);
  panics_ = rate(200);
  wishes_ = rate(40);
  local_ = rate(60);
  garbage_ = rate(40);
  preemptions_ = rate(50);
  hangs_ = rate(300);
  if (probe_ != nullptr) preemptions_ = 0;  // the other task has a stack of its own
}

// calm lets everything work again.
void Schedule::calm() {
  calm_ = true;
  latency_ = 5;
  moods_ = Moods();
  dialFailures_ = sendFailures_ = preemptions_ = 0;
  silentUntil_ = serverBackAt_ = now_;
  sampleEvery_ = 2000;
}

void Schedule::step(uint32_t ms) {
  const uint32_t before = millis();
  now_ += ms;
  if (millis() < before) totals_.rollovers++;
  if (now_ >= nextSample_) {
    sample();
    nextSample_ = now_ + sampleEvery_;
  }
  network();
  server_.tick(now_, moods_, *this);
  call(Probe::kTick, [this] { board_->tick(millis()); });
  if (now_ - markedAt_ >= 1000) mark();
}

// mark notes the board's time, as a sketch does once a second.
void Schedule::mark() {
  markedAt_ = now_;
  markedUp_ = board_->up();
}

// network dials and delivers.
void Schedule::network() {
  silent_ = now_ < silentUntil_;
  if (!connected_ && board_->wantsLink()) {
    if (now_ < serverBackAt_ || silent_ || dice_.oneIn(dialFailures_)) {
      call(Probe::kOther, [this] { board_->onClose(millis()); });
      return;
    }
    connected_ = true;
    totals_.connections++;
    up_.clear();
    down_.clear();
    server_.opened();
    call(Probe::kOther, [this] { board_->onOpen(millis()); });
  }
  if (silent_) return;
  while (connected_) {
    Parcel* parcel = up_.due(now_);
    if (parcel == nullptr) break;
    server_.receive(parcel->text, parcel->length, parcel->sent, now_, moods_, *this);
    up_.pop();
  }
  while (connected_) {
    Parcel* parcel = down_.due(now_);
    if (parcel == nullptr) break;
    call(Probe::kMessage, [&] { board_->onMessage(millis(), parcel->text, parcel->length); });
    down_.pop();
  }
}

void Schedule::accidents() {
  if (connected_ && dice_.oneIn(breaks_)) {
    close();
    call(Probe::kOther, [this] { board_->onClose(millis()); });
  }
  if (dice_.oneIn(crashes_)) {
    server_.crash();
    serverBackAt_ = now_ + dice_.below(30000);
    if (connected_) {
      close();
      call(Probe::kOther, [this] { board_->onClose(millis(), 1006); });
    }
  }
  if (dice_.oneIn(silences_)) silentUntil_ = now_ + dice_.below(90000);
  if (connected_ && dice_.oneIn(byes_)) {
    char text[64];
    snprintf(text, sizeof text, "{\"BYE\":\"shutting down\",\"RETRY\":%lu}", static_cast<unsigned long>(1 + dice_.below(10000)));
    say(text);
  }
  if (connected_ && dice_.oneIn(garbage_)) {
    const char* junk[] = {"", "{", "ON", "{\"ACK\":99}", "{\"IDDEVICE\":102,\"BOOT\":\"12345678\",\"ACK\":9}", "{\"X\":[{]}", "{\"IDDEVICE\":101,\"REV\":\"x\"}"};
    say(junk[dice_.below(7)]);
  }
  if (dice_.oneIn(sleeps_)) sleep();
  if (dice_.oneIn(cuts_)) cut();
  if (dice_.oneIn(panics_)) panic();
  if (dice_.oneIn(hangs_)) hang();
}

// people push the button at the server, or the switch at the board.
void Schedule::people() {
  if (dice_.oneIn(wishes_)) {
    totals_.wishes++;
    server_.wish(static_cast<int32_t>(dice_.below(2)), dice_.oneIn(3) ? now_ + 1 + dice_.below(20000) : 0, now_, *this);
  }
  if (dice_.oneIn(local_)) {
    totals_.local++;
    led_ = !led_;
    call(Probe::kOther, [this] { board_->switched(0, led_); });
  }
}

// sample is the other task.
void Schedule::sample() {
  if (!ledger_.room() || sampling_) return;
  sampling_ = true;
  const float values[] = {static_cast<float>(ledger_.took(now_)), 50};
  call(Probe::kRecord, [&] { CHECK(board_->record(millis(), values) != 0); });
  sampling_ = false;
}

// cut is a power cut: everything in RAM is gone.
void Schedule::cut() {
  totals_.cuts++;
  if (connected_) close();
  memset(static_cast<void*>(&held_), 0xa5, sizeof held_);
  board_ = new (Here(), place_) vaiven::Board(config_, held_, checks_, {*this, *this, *this, *this, this, this});
  offset_ = 0 - static_cast<uint32_t>(now_);
  start(0);
}

// sleep keeps only what is sealed, and lets millis() begin again.
void Schedule::sleep() {
  totals_.sleeps++;
  if (connected_) close();
  board_->seal(millis());
  const uint32_t asleep = dice_.below(60000);
  now_ += asleep;
  offset_ = 0 - static_cast<uint32_t>(now_);
  memset(place_, 0xa5, sizeof place_);
  board_ = new (Here(), place_) vaiven::Board(config_, held_, checks_, {*this, *this, *this, *this, this, this});
  start(asleep);
}

// panic is a reset that nobody announced: the Board is gone, its memory is not.
void Schedule::panic() {
  totals_.panics++;
  if (connected_) close();
  now_ += dice_.below(3000);
  offset_ = 0 - static_cast<uint32_t>(now_);
  memset(place_, 0xa5, sizeof place_);
  CHECK(recover(held_, checks_, markedUp_));
  board_ = new (Here(), place_) vaiven::Board(config_, held_, checks_, {*this, *this, *this, *this, this, this});
  start(static_cast<uint32_t>(now_ - markedAt_));
}

// start is what a sketch's setup() does. The other task does not run yet.
void Schedule::start(uint32_t asleep) {
  sampling_ = true;
  if (!board_->resume(millis(), asleep)) {
    board_->begin(millis());
    ledger_.boot(board_->boot());
  }
  mark();
  sampling_ = false;
}

// hang is a loop() that blocks, in a TLS handshake for instance, while the other
// task goes on sampling.
void Schedule::hang() {
  const int64_t until = now_ + dice_.below(40000);
  while (now_ < until) {
    now_ += sampleEvery_;
    sample();
  }
}

bool Schedule::send(char* text, size_t length) {
  CHECK(connected_ && !locked_);
  if (dice_.oneIn(sendFailures_)) return false;
  const bool taken = up_.put(text, length, now_, dice_.below(latency_));
  memset(text - kHeadroom, 'h', kHeadroom + length);
  if (dice_.oneIn(preemptions_)) sample();
  return taken;
}

void Schedule::ping() {
  if (!silent_ && connected_) board_->onHeard(millis());
}

void Schedule::close() {
  connected_ = false;
  server_.closed();
}

int32_t Schedule::set(uint8_t state, int32_t value) {
  CHECK_EQ(state, 0);
  led_ = value;
  return value;
}

// lock is where the other task may come in between.
void Schedule::lock() {
  if (!sampling_ && dice_.oneIn(preemptions_)) sample();
  CHECK(!locked_);
  locked_ = true;
}

void Schedule::told(const vaiven::Note& note) {
  CHECK(!locked_);
  switch (note.event) {
    case vaiven::Event::kLost:
      totals_.lost++;
      return ledger_.lost(note.seq);
    case vaiven::Event::kDesired:
      CHECK(server_.deadline(board_->rev()) == 0 || now_ <= server_.deadline(board_->rev()));
      return;
    case vaiven::Event::kLate:
      totals_.late++;
      return;
    case vaiven::Event::kNewBoot:
    case vaiven::Event::kFinished:
      check::failed(__FILE__, __LINE__, "nothing here should come to that");
      return;
    case vaiven::Event::kRefused:
    case vaiven::Event::kRefusedForNow:
      totals_.refusals++;
      CHECK(strncmp(note.text, "no \"", 4) == 0);
      return;
    case vaiven::Event::kClosed:
      totals_.resent += board_->stats().goBacks;
      return;
    default:
      return;
  }
}

// say puts a message of the server on its way; a board that does not read for
// too long is cut off.
void Schedule::say(const char* text) {
  if (!connected_) return;
  if (!down_.put(text, strlen(text), now_, dice_.below(latency_))) silentUntil_ = now_ + 61000;
}

void Schedule::expectAll() {
  totals_.stalls += board_->stats().stalls;
  CHECK(board_->status() == vaiven::Status::kOnline);
  for (int i = 0; i < 200 && !board_->quiet(); i++) {  // the reading of just now
    nextSample_ = now_ + sampleEvery_;
    step(20);
  }
  CHECK_EQ(board_->waiting(), 0);
  CHECK(board_->quiet());
  ledger_.everything();
  CHECK_EQ(board_->lost(), ledger_.lostCount());
  CHECK_EQ(board_->state(0), led_);
  if (server_.wants()) {
    CHECK(server_.confirmed());
    CHECK_EQ(led_, server_.led());
  }
}
