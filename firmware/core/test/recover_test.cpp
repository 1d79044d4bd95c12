// A reset that nobody announced: what was held goes on from memory that it left
// alone, whatever the program was doing.
#include <string.h>

#if defined(__x86_64__) && defined(__linux__)
#include <signal.h>
#define EVERY_INSTRUCTION 1
#endif

#include "check.h"
#include "dice.h"
#include "rig.h"
#include "vaiven/ring.h"

using namespace vaiven;

namespace {

constexpr size_t kRoom = 8;

struct Memory {
  Held<2, kRoom> held;
  Checks<kRoom> checks;
};

Memory memory;

// View is what a Memory holds: readings are numbered as they were measured.
struct View {
  bool valid = false;
  uint32_t first = 0, count = 0, lost = 0, failed = 0;
  uint64_t rev = 0;
  bool operator==(const View& o) const {
    return valid == o.valid && (first == o.first || count == 0) && count == o.count && lost == o.lost && failed == o.failed && rev == o.rev;
  }
};

// view recovers a copy, as the next boot would.
View view(Memory copy) {
  View v;
  if (!recover(copy.held, copy.checks, 0)) return v;
  const Header& h = copy.held.header;
  v.valid = true;
  v.count = h.next - h.head;
  v.lost = h.lost;
  v.failed = h.failed;
  v.rev = h.rev;
  for (uint32_t seq = h.head; seq != h.next; seq++) {
    const uint32_t* words = copy.held.words + ((seq + h.shift) % kRoom) * 3;
    if (seq == h.head) v.first = words[0];
    if (words[0] != v.first + (seq - h.head) || words[1] != ~words[0] || words[2] != words[0]) v.valid = false;
  }
  return v;
}

uint32_t measured = 0;

void measure(Ring& ring) {
  measured++;
  const uint32_t bits[2] = {~measured, measured};
  float values[2];
  memcpy(values, bits, sizeof values);
  uint32_t overwritten = 0;
  ring.push(measured, values, &overwritten);
}

// change is one of everything that a Ring's memory goes through.
void change(Ring& ring, uint32_t what) {
  switch (what) {
    case 0: return ring.fail();
    case 1: return ring.renumber();
    case 2: return ring.undate();
    case 3: {
      Ring::Edit edit(ring);
      memory.held.header.rev = (memory.held.header.rev + 1) * 0x100000001ull;
      return;
    }
    case 4:
    case 5: ring.settle(ring.range().oldest + what % 2); return;
    default: return measure(ring);
  }
}

void fresh(Ring*& ring) {
  static Ring theRing({memory.held.header, memory.held.words, &memory.checks.header, memory.checks.readings}, 2, kRoom, nullptr);
  ring = &theRing;
  memset(&memory, 0x5a, sizeof memory);
  memory.held.header = {};
  memory.held.header.capacity = kRoom;
  memory.held.header.values = 2;
  memcpy(memory.held.header.boot, "0123456789abcdef", kBootDigits);
  ring->clear();
  ring->take(true);
}

}  // namespace

#ifdef EVERY_INSTRUCTION

namespace {

// A processor that stops after each instruction (the trap flag) shows each state
// that a reset could find.
Memory seen;
View before, middle, after;
long states = 0, wrong = 0;

void onInstruction(int) {
  if (memcmp(&seen, &memory, sizeof seen) == 0) return;
  seen = memory;
  states++;
  const View v = view(seen);
  if (!(v == before || v == middle || v == after)) wrong++;
}

void trap(bool on) {
  if (on) {
    asm volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
  } else {
    asm volatile("pushfq; andq $~0x100, (%%rsp); popfq" ::: "memory", "cc");
  }
}

}  // namespace

TEST(a_reset_at_any_instruction_finds_all_that_was_held) {
  Ring* ring;
  fresh(ring);
  struct sigaction action = {};
  struct sigaction old = {};
  action.sa_handler = onInstruction;
  CHECK_EQ(sigaction(SIGTRAP, &action, &old), 0);
  constexpr int kChanges = 60;
  Dice dice(7);
  for (int i = 0; i < kChanges; i++) {
    const uint32_t what = i < 12 ? 9 : dice.below(11);
    const Memory start = memory;
    const uint32_t number = measured;
    before = view(start);
    change(*ring, what);  // to know what it comes to
    after = view(memory);
    CHECK(before.valid && after.valid);
    memory = seen = start;
    measured = number;
    middle = before;  // a full ring gives up the oldest first
    if (before.count == kRoom && what > 5) middle.first++, middle.count--, middle.lost++;
    trap(true);
    change(*ring, what);
    trap(false);
    CHECK(view(memory) == after);
  }
  sigaction(SIGTRAP, &old, nullptr);
  CHECK(states > 2 * kChanges);
  CHECK_EQ(wrong, 0);
}

#endif  // EVERY_INSTRUCTION

TEST(checks_follow_every_change) {
  Ring* ring;
  fresh(ring);
  Dice dice(5);
  for (int i = 0; i < 2000; i++) {
    change(*ring, dice.below(11));
    const View v = view(memory);
    CHECK(v.valid && v.count == ring->range().count() && v.lost == ring->lost() && v.failed == ring->failed());
    CHECK(v.count == 0 || v.first + v.count == measured + 1);
  }
}

TEST(damage_costs_the_damaged_reading_and_the_older) {
  Ring* ring;
  fresh(ring);
  measured = 0;
  for (int i = 0; i < 11; i++) measure(*ring);  // 3 of them lost in the full ring
  const Memory whole = memory;
  const size_t size = sizeof whole.held.words;
  for (size_t i = 0; i < size; i++) {
    Memory damaged = whole;
    reinterpret_cast<char*>(damaged.held.words)[i] ^= 4;
    const View v = view(damaged);
    CHECK(v.valid && v.count < 8 && v.lost == 11 - v.count && (v.count == 0 || v.first + v.count == 12));
  }
  for (size_t i = 0; i < sizeof whole.checks.readings; i++) {
    Memory damaged = whole;
    reinterpret_cast<char*>(damaged.checks.readings)[i] ^= 4;
    CHECK(view(damaged).valid && view(damaged).count < 8);
  }
}

TEST(one_of_two_headers_is_enough) {
  Ring* ring;
  fresh(ring);
  measured = 0;
  for (int i = 0; i < 5; i++) measure(*ring);
  const View whole = view(memory);
  CHECK(whole.valid && whole.count == 5);
  const Memory good = memory;
  for (size_t i = offsetof(Header, fingerprint); i < sizeof(Header); i++) {
    Memory damaged = good;
    reinterpret_cast<char*>(&damaged.held.header)[i] ^= 4;
    CHECK(view(damaged) == whole);
    reinterpret_cast<char*>(&damaged.checks.header.spare)[i] ^= 4;
    CHECK(!view(damaged).valid);
    damaged.held.header = good.held.header;
    CHECK(view(damaged) == whole);
  }
  Memory garbage;
  Dice dice(3);
  for (size_t i = 0; i < sizeof garbage; i++) reinterpret_cast<char*>(&garbage)[i] = static_cast<char>(dice.below(256));
  CHECK(!view(garbage).valid);
  memset(&garbage, 0, sizeof garbage);
  CHECK(!view(garbage).valid);
}

TEST(a_board_goes_on_after_a_panic) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  for (int i = 0; i < 5; i++) rig.measure(20.5f, 50);
  rig.tick();
  rig.ack(3);
  rig.pass(1000);
  const uint64_t up = rig.board.up();
  rig.measure(21, 51);
  char boot[kBootDigits + 1];
  strcpy(boot, rig.board.boot());

  static Rig again;
  again.held = rig.held;
  again.checks = rig.checks;
  CHECK(!again.board.resume(again.now, 0));  // nobody sealed it
  CHECK(recover(again.held, again.checks, up));
  CHECK(again.board.resume(again.now, 2000));
  CHECK_TEXT(again.board.boot(), boot);
  CHECK_EQ(again.output[0], 1);
  CHECK_EQ(again.board.waiting(), 3);
  CHECK_EQ(again.board.lost(), 0);
  CHECK_EQ(again.board.up(), up + 2000);
  CHECK_EQ(again.measure(22, 52), 7);
  again.tick(1000);
  again.board.onOpen(again.now);
  again.tick();
  again.forget();
  again.welcome(3);
  CHECK(strstr(again.sent(0), "\"SEQ\":4,\"AGE\":4000,") != nullptr);
  CHECK(strstr(again.sent(0), "\"SEQ\":6,\"AGE\":3000,") != nullptr);
  CHECK(strstr(again.sent(0), "\"SEQ\":7,\"AGE\":1000,") != nullptr);

  // And once more, from what it went on with: the checks follow it.
  static Rig third;
  third.held = again.held;
  third.checks = again.checks;
  CHECK(recover(third.held, third.checks, again.board.up()));
  CHECK(third.board.resume(third.now, 0));
  CHECK_EQ(third.board.waiting(), 4);
}
