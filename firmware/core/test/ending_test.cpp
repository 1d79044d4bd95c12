// Connections that end, and what comes after them; sleep.
#include "rig.h"

TEST(bye_with_retry_waits_at_least_that_long) {
  static Rig rig;
  rig.online();
  rig.hear("{\"BYE\":\"shutting down\",\"RETRY\":70000}");
  CHECK_TEXT(rig.said, "shutting down");
  rig.measure(20, 50);
  rig.tick();
  CHECK_EQ(rig.sentCount, 0);  // nothing after BYE
  rig.board.onClose(rig.now, 1001);
  CHECK(!rig.board.wantsLink());
  rig.pass(69900);
  CHECK(!rig.board.wantsLink());
  rig.pass(200);
  CHECK(rig.board.wantsLink());
}

TEST(bye_with_retry_zero_is_the_end) {
  static Rig rig;
  rig.online();
  rig.hear("{\"BYE\":\"50 readings received\",\"RETRY\":0}");
  rig.board.onClose(rig.now, 1000);
  CHECK(rig.board.status() == vaiven::Status::kFinished);
  CHECK_EQ(rig.measure(20, 50), 0);
  rig.pass(1000000, 1000);
  CHECK(!rig.board.wantsLink());
  rig.board.onOpen(rig.now);
  rig.tick();
  CHECK_EQ(rig.sentCount, 0);
  CHECK_EQ(rig.told(vaiven::Event::kFinished), 1);
}

TEST(finished_is_finished_after_a_sleep) {
  static Rig rig;
  rig.online();
  rig.hear("{\"BYE\":\"50 readings received\",\"RETRY\":0}");
  rig.board.onClose(rig.now, 1000);
  rig.board.seal(rig.now);
  CHECK(rig.board.resume(0, 600000));
  CHECK(rig.board.status() == vaiven::Status::kFinished);
  rig.pass(200000, 1000);
  CHECK(!rig.board.wantsLink());
  CHECK_EQ(rig.measure(20, 50), 0);
  rig.board.begin(rig.now);
  CHECK(rig.measure(20, 50) == 1);
}

TEST(bye_without_a_close_is_closed_by_us) {
  static Rig rig;
  rig.online();
  rig.hear("{\"BYE\":\"x\",\"RETRY\":0}");
  rig.pass(1900);
  CHECK_EQ(rig.closes, 0);
  rig.pass(200);
  CHECK_EQ(rig.closes, 1);
  CHECK(rig.board.status() == vaiven::Status::kFinished);
}

TEST(bye_without_retry_comes_back_as_usual) {
  static Rig rig;
  rig.online();
  rig.hear("{\"BYE\":\"x\"}");
  rig.board.onClose(rig.now, 1001);
  rig.pass(1100);
  CHECK(rig.board.wantsLink());
}

TEST(close_1000_without_bye_is_the_end) {
  static Rig rig;
  rig.online();
  rig.board.onClose(rig.now, 1000);
  CHECK(rig.board.status() == vaiven::Status::kFinished);
}

TEST(hopeless_closes_wait_long_and_show_it) {
  static Rig rig;
  rig.online();
  rig.random = 0xffff0000;
  rig.board.onClose(rig.now, 4409);
  CHECK(rig.board.status() == vaiven::Status::kRefused);
  CHECK(rig.last.retry <= vaiven::Backoff::kLongest);
  uint32_t longest = 0;
  for (int i = 0; i < 20; i++) {
    rig.pass(60100);
    rig.board.onOpen(rig.now);
    rig.board.onClose(rig.now, 4401);
    if (longest < rig.last.retry) longest = rig.last.retry;
  }
  CHECK(longest > 30000);
}

TEST(waits_grow_until_a_welcome) {
  static Rig rig;
  rig.board.begin(rig.now);
  uint32_t sum[2] = {};
  for (int i = 0; i < 40; i++) {
    rig.pass(60100);
    CHECK(rig.board.wantsLink());
    rig.board.onOpen(rig.now);
    rig.board.onClose(rig.now);
    CHECK(rig.last.retry < 60000);
    sum[i >= 8] += rig.last.retry;
  }
  CHECK(sum[1] / 32 > 15000);  // of a mean of 30 s
  rig.open();
  rig.welcome(0);
  rig.board.onClose(rig.now);
  CHECK(rig.last.retry < 1000);
}

TEST(a_server_that_is_silent_is_asked_and_dropped) {
  static Rig rig;
  rig.online();
  rig.pass(29900);
  CHECK_EQ(rig.pings, 0);
  rig.pass(200);
  CHECK_EQ(rig.pings, 1);
  rig.pass(10000);
  rig.board.onHeard(rig.now);  // pong
  rig.pass(29900);
  CHECK_EQ(rig.pings, 1);
  rig.pass(29000);
  CHECK_EQ(rig.pings, 2);
  CHECK_EQ(rig.closes, 0);
  rig.pass(1200);
  CHECK_EQ(rig.closes, 1);
  CHECK(rig.board.status() == vaiven::Status::kOffline);
}

TEST(no_welcome_is_no_server) {
  static Rig rig;
  rig.board.begin(rig.now);
  rig.open();
  rig.pass(9900);
  CHECK_EQ(rig.closes, 0);
  rig.pass(200);
  CHECK_EQ(rig.closes, 1);
}

TEST(a_hello_refused_for_good_waits_long) {
  static Rig rig;
  rig.board.begin(rig.now);
  rig.open();
  rig.hear("{\"ERROR\":\"bad id\",\"CODE\":\"bad_device\"}");
  rig.tick();
  CHECK_EQ(rig.closes, 1);
  CHECK(rig.board.status() == vaiven::Status::kRefused);
}

TEST(a_send_that_fails_drops_the_connection) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.sendFails = true;
  rig.tick();
  CHECK_EQ(rig.closes, 1);
  CHECK_EQ(rig.told(vaiven::Event::kClosed), 1);
  CHECK_EQ(rig.board.waiting(), 1);
  rig.sendFails = false;
  rig.open();
  rig.forget();
  rig.welcome(0);
  CHECK(strstr(rig.sent(0), "\"SEQ\":1,") != nullptr);
}

TEST(what_is_no_message_changes_nothing) {
  static Rig rig;
  rig.online();
  const char* bad[] = {"", "ON", "{", "[]", "{\"ACK\":1}", "\xff\xfe"};
  for (const char* text : bad) rig.hear(text);
  CHECK_EQ(rig.board.stats().unknown, 6);
  rig.tick();
  CHECK(rig.board.status() == vaiven::Status::kOnline);
}

TEST(a_sleep_loses_nothing) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  for (int i = 0; i < 5; i++) rig.measure(20.5f, 50);
  rig.tick();
  rig.ack(3);
  rig.pass(1000);
  const uint64_t up = rig.board.up();
  char boot[vaiven::kBootDigits + 1];
  strcpy(boot, rig.board.boot());
  rig.board.seal(rig.now);

  static Rig woken;  // everything but Held is new; millis() begins again
  memcpy(&woken.held, &rig.held, sizeof rig.held);
  CHECK(woken.board.resume(woken.now, 600000));
  CHECK_TEXT(woken.board.boot(), boot);
  CHECK_EQ(woken.output[0], 1);
  CHECK_EQ(woken.measure(21, 51), 6);
  CHECK_EQ(woken.board.up(), up + 600000);
  woken.tick(1000);
  woken.board.onOpen(woken.now);
  woken.tick();
  CHECK(strstr(woken.sent(0), "\"OLDEST\":4,\"NEXT\":7,") != nullptr);
  CHECK(strstr(woken.sent(0), ",\"LED\":1,\"REV\":7}") != nullptr);
  woken.forget();
  woken.welcome(3);
  CHECK(strstr(woken.sent(0), "\"SEQ\":4,\"AGE\":602000,") != nullptr);
  CHECK(strstr(woken.sent(0), "\"SEQ\":6,\"AGE\":1000,") != nullptr);
  CHECK(!woken.board.quiet());
  woken.ack(6);
  CHECK(woken.board.quiet());

  static Rig again;
  memcpy(&again.held, &woken.held, sizeof again.held);
  CHECK(!again.board.resume(0, 0));  // the seal was broken by the first change
}

TEST(ages_are_unknown_after_a_restart_that_nobody_timed) {
  static Rig rig;
  rig.online();
  rig.measure(20.5f, 50);
  rig.board.seal(rig.now);
  static Rig woken;
  memcpy(&woken.held, &rig.held, sizeof rig.held);
  CHECK(woken.board.resume(woken.now, vaiven::kUnknownTime));
  woken.measure(21, 51);
  woken.open();
  woken.forget();
  woken.welcome(0);
  CHECK(strstr(woken.sent(0), "\"SEQ\":1,\"AGE\":null,") != nullptr);
  CHECK(strstr(woken.sent(0), "\"SEQ\":2,\"AGE\":120000,") != nullptr);
}

TEST(ages_after_a_very_long_sleep) {
  static Rig rig;
  rig.online();
  rig.measure(20.5f, 50);
  rig.pass(20u * 86400 * 1000, 3600 * 1000);  // 20 days without a server
  rig.measure(20.5f, 50);
  rig.board.seal(rig.now);
  static Rig woken;
  memcpy(&woken.held, &rig.held, sizeof rig.held);
  CHECK(woken.board.resume(woken.now, 30ull * 86400 * 1000));
  woken.open();
  woken.forget();
  woken.welcome(0);
  CHECK(strstr(woken.sent(0), "\"SEQ\":1,\"AGE\":null,") != nullptr);
  CHECK(strstr(woken.sent(0), "\"SEQ\":2,\"AGE\":2592120000,") != nullptr);
}

TEST(another_firmware_does_not_take_over_readings) {
  static Rig rig;
  rig.online();
  rig.measure(20.5f, 50);
  rig.board.seal(rig.now);
  static const vaiven::Sensor other[] = {{"TEMP", 1}, {"CO2", 0}};
  static Rig woken;
  memcpy(&woken.held, &rig.held, sizeof rig.held);
  woken.config.sensors = other;
  CHECK(!woken.board.resume(woken.now, 0));
}

TEST(nothing_changes_when_millis_rolls_over) {
  static Rig rig(UINT32_MAX - 125000);
  rig.online();
  const uint32_t first = rig.measure(20, 50);
  rig.pass(4900);
  rig.measure(21, 51);
  CHECK(rig.now > UINT32_MAX - 1000 || rig.now < 1000);
  rig.pass(4000);
  CHECK(rig.now < 5000);
  rig.board.onClose(rig.now);
  rig.pass(1100);
  CHECK(rig.board.wantsLink());
  rig.board.onOpen(rig.now);
  rig.tick();
  rig.forget();
  rig.welcome(first - 1);
  CHECK(strstr(rig.sent(0), "\"SEQ\":1,\"AGE\":10000,") != nullptr);
  CHECK(strstr(rig.sent(0), "\"SEQ\":2,\"AGE\":5100,") != nullptr);
}
