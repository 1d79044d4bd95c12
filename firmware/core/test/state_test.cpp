// What the server wants the states to be, and what it is told.
#include "rig.h"

TEST(a_desired_state_is_set_and_reported_with_its_rev) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  CHECK_EQ(rig.output[0], 1);
  CHECK_EQ(rig.sentCount, 0);  // only tick sends
  rig.tick();
  CHECK_TEXT(rig.sent(0), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1,\"REV\":7}");
  rig.forget();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");  // not confirmed yet: asked again
  rig.tick();
  CHECK_TEXT(rig.sent(0), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1,\"REV\":7}");
  rig.tick();
  CHECK_EQ(rig.sentCount, 1);
}

TEST(welcome_brings_the_desired_state) {
  static Rig rig;
  rig.board.begin(rig.now);
  rig.open();
  rig.forget();
  char text[160];
  snprintf(text, sizeof text, "{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":0,\"NOW\":1,\"LED\":1,\"REV\":7}", rig.board.boot());
  rig.hear(text);
  CHECK_EQ(rig.output[0], 1);
  CHECK(!rig.board.quiet());
  rig.tick();
  CHECK_TEXT(rig.sent(0), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1,\"REV\":7}");
  CHECK(rig.board.quiet());
}

TEST(hello_carries_the_rev_that_was_set) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.board.onClose(rig.now);
  rig.forget();
  rig.open();
  CHECK(strstr(rig.sent(0), ",\"LED\":1,\"REV\":7}") != nullptr);
  CHECK_EQ(rig.sentCount, 1);  // which is a report already
}

TEST(a_change_past_its_deadline_is_not_made) {
  static Rig rig;
  rig.online();
  char text[96];
  snprintf(text, sizeof text, "{\"IDDEVICE\":101,\"LED\":1,\"REV\":7,\"UNTIL\":%lu}", static_cast<unsigned long>(rig.board.up() - 1));
  rig.hear(text);
  rig.tick();
  CHECK_EQ(rig.output[0], 0);
  CHECK_EQ(rig.board.rev(), 0);
  CHECK_EQ(rig.board.stats().late, 1);
  CHECK_EQ(rig.sentCount, 0);
  snprintf(text, sizeof text, "{\"IDDEVICE\":101,\"LED\":1,\"REV\":8,\"UNTIL\":%lu}", static_cast<unsigned long>(rig.board.up()));
  rig.hear(text);
  CHECK_EQ(rig.output[0], 1);
}

TEST(a_deadline_holds_across_the_rollover) {
  static Rig rig(UINT32_MAX - 130000);
  rig.online();
  char text[96];
  snprintf(text, sizeof text, "{\"IDDEVICE\":101,\"LED\":1,\"REV\":7,\"UNTIL\":%lu}", static_cast<unsigned long>(rig.board.up() + 60000));
  rig.pass(50000);
  CHECK(rig.now < 100000);  // rolled over
  rig.hear(text);
  CHECK_EQ(rig.output[0], 1);
}

TEST(a_switch_at_the_wall_is_reported_without_rev) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.tick();
  rig.forget();
  rig.board.switched(0, 0);
  rig.tick();
  CHECK_TEXT(rig.sent(0), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":0}");
  rig.board.switched(0, 0);  // no change
  rig.board.switched(5, 1);  // no such state
  rig.tick();
  CHECK_EQ(rig.sentCount, 1);
}

TEST(a_switch_at_the_wall_overrules_the_change_before_it) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.board.onClose(rig.now);
  rig.board.switched(0, 0);
  rig.forget();
  rig.open();
  CHECK(strstr(rig.sent(0), ",\"LED\":0,\"REV\":7}") != nullptr);  // the last that was set
  rig.welcome(0);
  rig.forget();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");  // sent before the server knew
  rig.tick();
  CHECK_EQ(rig.board.state(0), 0);
  CHECK_TEXT(rig.sent(0), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1,\"REV\":7}");  // it was done,
  CHECK_TEXT(rig.sent(1), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":0}");  // and then a person came
  rig.tick();
  CHECK_EQ(rig.sentCount, 2);
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":8}");  // somebody asked anew
  CHECK_EQ(rig.board.state(0), 1);
  CHECK_EQ(rig.board.rev(), 8);
}

TEST(a_switch_moved_there_and_back_takes_the_rev_again) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.board.switched(0, 0);
  rig.board.switched(0, 1);
  rig.tick();
  CHECK_TEXT(rig.sent(0), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1,\"REV\":7}");
  CHECK_TEXT(rig.sent(1), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1}");
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");  // not confirmed, so asked for again
  rig.tick();
  CHECK_TEXT(rig.sent(2), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1,\"REV\":7}");
}

TEST(a_switch_does_not_hide_that_the_wish_was_done) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.board.switched(0, 0);  // before it was reported
  rig.tick();
  CHECK_TEXT(rig.sent(0), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":1,\"REV\":7}");
  CHECK_TEXT(rig.sent(1), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"LED\":0}");
  CHECK_EQ(rig.sentCount, 2);
}

TEST(an_older_wish_than_the_last_is_ignored) {
  static Rig rig;
  rig.online();
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.tick();
  rig.forget();
  rig.hear("{\"IDDEVICE\":101,\"LED\":0,\"REV\":6}");
  rig.tick();
  CHECK_EQ(rig.board.state(0), 1);
  CHECK_EQ(rig.board.rev(), 7);
  CHECK_EQ(rig.board.stats().stale, 1);
  CHECK_EQ(rig.sentCount, 0);
}

TEST(another_log_s_wishes_are_not_old) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.tick();
  rig.ack(1);
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.board.onClose(rig.now);
  rig.open();
  rig.welcome(0);  // it had acknowledged 1
  rig.hear("{\"IDDEVICE\":101,\"LED\":0,\"REV\":1}");
  CHECK_EQ(rig.board.state(0), 0);
  CHECK_EQ(rig.board.rev(), 1);
}

TEST(what_an_output_really_has_is_what_is_reported) {
  struct Stuck final : vaiven::Switches {
    int32_t set(uint8_t, int32_t) override { return 0; }
  };
  static Rig rig;
  static Stuck stuck;
  static vaiven::Board board(rig.config, rig.held, {rig, stuck, rig, rig});
  board.begin(0);
  board.tick(60000);
  board.onOpen(60000);
  const char text[] = "{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}";
  board.onMessage(60000, text, strlen(text));
  CHECK_EQ(board.state(0), 0);
  CHECK_EQ(board.rev(), 7);
}

TEST(reports_go_before_readings) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.tick();
  CHECK(strstr(rig.sent(0), "\"REV\":7") != nullptr);
  CHECK(strstr(rig.sent(1), "\"SEQ\":1") != nullptr);
}
