#include "model_server.h"

#include <stdio.h>
#include <string.h>

#include "vaiven/json_reader.h"
#include "vaiven/proof.h"

using vaiven::Field;
using vaiven::JsonKind;
using vaiven::ObjectReader;

// Element is what one object of the board says.
struct ModelServer::Element {
  bool hello = false, hasSeq = false, hasLed = false, dated = false;
  uint32_t power = Ledger::kBoots;
  uint64_t seq = 0, oldest = 0, next = 0, age = 0, rev = 0, up = 0, value = 0;
  int32_t led = 0;
  vaiven::Slice proof;
};

void ModelServer::clear() {
  for (Power& power : powers_) power = Power();
  pendingHead_ = pendingCount_ = 0;
  memset(deadlines_, 0, sizeof deadlines_);
  open_ = greeted_ = wanted_ = false;
  confirmed_ = true;
  led_ = 0;
  rev_ = 0;
  proofs_ = 0;
}

void ModelServer::opened() {
  open_ = true;
  greeted_ = proven_ = false;
  nonce_[0] = '\0';
}

void ModelServer::crash() {
  open_ = false;
  pendingCount_ = 0;
  for (Power& power : powers_) {
    power.next = power.durable + 1;
    power.asked = 0;
  }
}

void ModelServer::receive(const char* text, size_t length, int64_t sent, int64_t now, const Moods& moods, Out& out) {
  const char* end = text + length;
  while (open_ && text < end) {
    const char* open = static_cast<const char*>(memchr(text, '{', static_cast<size_t>(end - text)));
    if (open == nullptr) break;
    const char* close = static_cast<const char*>(memchr(open, '}', static_cast<size_t>(end - open)));
    CHECK(close != nullptr);
    if (close == nullptr) break;
    element(open, static_cast<size_t>(close + 1 - open), sent, now, moods, out);
    text = close + 1;
  }
}

void ModelServer::element(const char* text, size_t length, int64_t sent, int64_t now, const Moods& moods, Out& out) {
  Element e;
  ObjectReader reader(text, length);
  Field f;
  while (reader.next(f)) {
    uint64_t n = 0;
    const bool number = f.kind == JsonKind::kNumber && vaiven::toUnsigned(f.value, n);
    if (f.key.is("HELLO")) e.hello = true;
    if (f.key.is("BOOT")) {
      e.power = ledger_.power(f.value.at, static_cast<uint32_t>(f.value.length));
      if (e.power < Ledger::kBoots) memcpy(names_[e.power], f.value.at, f.value.length);
    }
    if (f.key.is("SEQ")) e.hasSeq = number, e.seq = n;
    if (f.key.is("OLDEST")) e.oldest = n;
    if (f.key.is("NEXT")) e.next = n;
    if (f.key.is("UP")) e.up = n;
    if (f.key.is("AGE")) e.dated = number, e.age = n;
    if (f.key.is("REV")) e.rev = n;
    if (f.key.is("PROOF")) e.proof = f.value;
    if (f.key.is("N")) e.value = n;
    if (f.key.is("LED")) e.hasLed = number, e.led = static_cast<int32_t>(n);
  }
  CHECK(reader.complete());
  CHECK(e.power < Ledger::kBoots);
  if (e.power >= Ledger::kBoots) return;
  if (e.hello) return hello(e, now, moods, out);
  CHECK(greeted_);
  if (e.hasSeq) return reading(e, sent, now, moods, out);
  if (e.hasLed) report(e, now);
}

void ModelServer::hello(const Element& e, int64_t now, const Moods& moods, Out& out) {
  Power& power = powers_[e.power];
  if (dice_.oneIn(moods.busy)) return error("busy", e.power, 0, 1 + dice_.below(3000), out);
  if (!admitted(e, moods, out)) return error("not_authorised", e.power, 0, 1 + dice_.below(3000), out);
  CHECK(e.next >= power.next);  // else the BOOT was used twice
  CHECK(e.oldest >= 1 && e.oldest <= e.next);
  const uint32_t oldest = static_cast<uint32_t>(e.oldest);
  if (oldest > power.next) {
    admit(e.power, power.next, oldest - 1, 0, now, moods, Pending::kGap);
    power.next = oldest;
  }
  power.asked = 0;
  greeted_ = true;
  up_ = static_cast<int64_t>(e.up);
  upAt_ = now;
  report(e, now);
  if (dice_.oneIn(moods.foreign)) out.say("{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"00000000\",\"ACK\":1,\"NOW\":1}");
  welcome(e.power, now, out);
}

// admitted has the token proven, or not: then it may insist.
bool ModelServer::admitted(const Element& e, const Moods& moods, Out& out) {
  if (e.proof.length > 0) {
    char want[vaiven::kProofDigits + 1];
    vaiven::prove(kToken, nonce_, "101", names_[e.power], want);
    CHECK(e.proof.is(want));
    proven_ = true;
    proofs_++;
  }
  if (proven_ || !dice_.oneIn(moods.asks)) return true;
  char text[96];
  snprintf(nonce_, sizeof nonce_, "%08lx%08lx%016x", static_cast<unsigned long>(dice_.next()), static_cast<unsigned long>(dice_.next()), 0u);
  snprintf(text, sizeof text, "{\"IDDEVICE\":101,\"NONCE\":\"%s\"}", nonce_);
  out.say(text);
  if (dice_.oneIn(2)) return true;
  greeted_ = false;
  return false;
}

void ModelServer::reading(const Element& e, int64_t sent, int64_t now, const Moods& moods, Out& out) {
  Power& power = powers_[e.power];
  const uint32_t seq = static_cast<uint32_t>(e.seq);
  ledger_.sent(e.power, seq, static_cast<uint32_t>(e.value));
  if (seq < power.next) return ack(e.power, moods, out);
  if (seq > power.next) {
    if (power.asked != 0 && seq > power.asked) return;
    power.asked = seq;
    return welcome(e.power, now, out);
  }
  power.asked = 0;
  if (dice_.oneIn(moods.busy)) {
    power.asked = seq;
    return error("busy", e.power, seq, dice_.below(5000), out);
  }
  const bool bad = dice_.oneIn(moods.bad);
  CHECK(e.dated);
  admit(e.power, seq, seq, sent - static_cast<int64_t>(e.age), now, moods, bad ? Pending::kRefusal : Pending::kReading);
  power.next++;
  if (bad) error("out_of_range", e.power, seq, 0, out);
}

// report: a state with our REV confirms; one without that differs is a change at
// the board, and becomes the wish.
void ModelServer::report(const Element& e, int64_t) {
  if (!e.hasLed) return;
  if (e.rev != 0) {
    // One with a deadline that was confirmed is fulfilled, and not asked for again
    // from a board that was switched since.
    if (e.rev == rev_ && e.led != led_ && confirmed_ && deadline(rev_) != 0) wanted_ = false;
    if (e.rev == rev_ && e.led == led_) confirmed_ = true;
    return;
  }
  if (wanted_ && e.led == led_) return;
  led_ = e.led;
  if (!wanted_ && rev_ == 0) return;  // never asked for anything
  rev_++;
  wanted_ = true;
  confirmed_ = false;
  saidAt_ = INT64_MIN / 2;
}

void ModelServer::admit(uint32_t power, uint32_t from, uint32_t to, int64_t measured, int64_t now, const Moods& moods,
                        Pending::Kind kind) {
  int64_t at = now + dice_.below(moods.commitDelay);
  if (pendingCount_ > 0) {  // commits keep their order
    const int64_t before = pending_[(pendingHead_ + pendingCount_ - 1) % kPending].at;
    if (at < before) at = before;
  }
  CHECK(pendingCount_ < kPending);
  if (pendingCount_ == kPending) return;
  pending_[(pendingHead_ + pendingCount_++) % kPending] = {power, from, to, at, measured, kind};
}

void ModelServer::tick(int64_t now, const Moods& moods, Out& out) {
  uint32_t owed = Ledger::kBoots;
  while (pendingCount_ > 0 && pending_[pendingHead_].at <= now) {
    const Pending p = pending_[pendingHead_];
    pendingHead_ = (pendingHead_ + 1) % kPending;
    pendingCount_--;
    if (p.kind == Pending::kReading) ledger_.stored(p.power, p.from, p.measured, true);
    if (p.kind == Pending::kRefusal) ledger_.refused(p.power, p.from);
    if (p.kind == Pending::kGap) ledger_.gap(p.power, p.from, p.to);
    powers_[p.power].durable = p.to;
    owed = p.power;
  }
  if (owed < Ledger::kBoots) ack(owed, moods, out);
  if (wanted_ && deadline(rev_) != 0 && now > deadline(rev_) && !confirmed_) wanted_ = false;  // withdrawn
  if (wanted_ && !confirmed_ && greeted_ && now - saidAt_ > 5000) desire(now, out);
}

void ModelServer::wish(int32_t led, int64_t deadline, int64_t now, Out& out) {
  if (rev_ + 1 >= kRevs) return;
  wanted_ = true;
  led_ = led;
  rev_++;
  deadlines_[rev_] = deadline;
  confirmed_ = false;
  if (greeted_) desire(now, out);
}

void ModelServer::desire(int64_t now, Out& out) {
  if (!open_) return;
  char text[128];
  const int n = snprintf(text, sizeof text, "{\"IDDEVICE\":101,\"LED\":%ld,\"REV\":%lu", static_cast<long>(led_),
                         static_cast<unsigned long>(rev_));
  if (deadline(rev_) != 0) {
    snprintf(text + n, sizeof text - static_cast<size_t>(n), ",\"UNTIL\":%ld}", static_cast<long>(up_ + deadline(rev_) - upAt_));
  } else {
    strcat(text, "}");
  }
  saidAt_ = now;
  out.say(text);
}

void ModelServer::welcome(uint32_t power, int64_t now, Out& out) {
  char text[192];
  int n = snprintf(text, sizeof text, "{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%lu,\"NOW\":1795333377000", names_[power],
                   static_cast<unsigned long>(powers_[power].durable));
  if (wanted_ && deadline(rev_) == 0) {
    n += snprintf(text + n, sizeof text - static_cast<size_t>(n), ",\"LED\":%ld,\"REV\":%lu", static_cast<long>(led_),
                  static_cast<unsigned long>(rev_));
    saidAt_ = now;
  }
  strcat(text, "}");
  out.say(text);
}

void ModelServer::ack(uint32_t power, const Moods& moods, Out& out) {
  if (!open_ || powers_[power].durable == 0) return;
  char text[96];
  snprintf(text, sizeof text, "{\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%lu}", names_[power],
           static_cast<unsigned long>(powers_[power].durable));
  if (dice_.oneIn(moods.foreign)) out.say("{\"IDDEVICE\":101,\"BOOT\":\"00000000\",\"ACK\":1}");
  out.say(text);
  if (dice_.oneIn(moods.repeatAck)) out.say(text);
}

void ModelServer::error(const char* code, uint32_t power, uint32_t seq, uint32_t retry, Out& out) {
  char text[192];
  int n = snprintf(text, sizeof text, "{\"ERROR\":\"no \\\"%s\\\"\",\"CODE\":\"%s\",\"IDDEVICE\":101,\"BOOT\":\"%s\"", code, code, names_[power]);
  if (seq != 0) n += snprintf(text + n, sizeof text - static_cast<size_t>(n), ",\"SEQ\":%lu", static_cast<unsigned long>(seq));
  if (retry != 0) snprintf(text + n, sizeof text - static_cast<size_t>(n), ",\"RETRY\":%lu", static_cast<unsigned long>(retry));
  strcat(text, "}");
  out.say(text);
}
