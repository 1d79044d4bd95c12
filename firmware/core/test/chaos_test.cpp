// No reading lost, repeated or out of order, and the LED as it should be, over
// random lives of a board.
#include <stdio.h>

#include "check.h"
#include "schedule.h"

#ifdef SMALL_MACHINE
constexpr uint32_t kSchedules = 400;  // emulated
#else
constexpr uint32_t kSchedules = 4000;
#endif

TEST(chaos_loses_nothing_and_repeats_nothing) {
  static Schedule schedule;
  for (uint32_t seed = 1; seed <= kSchedules; seed++) {
    if (!schedule.run(seed)) break;
  }
  const Schedule::Totals& t = schedule.totals();
  auto n = [](uint64_t value) { return static_cast<unsigned long>(value); };
  printf("     %lu schedules, %lu simulated hours, %lu readings, %lu lost and counted, %lu connections, %lu stalls,\n"
         "     %lu refusals, %lu rollovers, %lu sleeps, %lu power cuts, %lu panics, %lu wishes, %lu too late, %lu at the wall, %lu proofs\n",
         n(kSchedules), n(t.simulated / 3600000), n(t.readings), n(t.lost), n(t.connections), n(t.stalls), n(t.refusals),
         n(t.rollovers), n(t.sleeps), n(t.cuts), n(t.panics), n(t.wishes), n(t.late), n(t.local), n(t.proofs));
  CHECK(t.lost > 0 && t.stalls > 0 && t.refusals > 0 && t.rollovers > 0 && t.sleeps > 0 && t.cuts > 0 && t.panics > 0 && t.late > 0 && t.local > 0 && t.proofs > 0);
}
