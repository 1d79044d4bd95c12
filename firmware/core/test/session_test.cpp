// HELLO, WELCOME, readings and their settlement, as a scenario each.
#include <math.h>

#include "rig.h"

TEST(hello_says_who_and_what) {
  static Rig rig;
  rig.config.firmware = "1.0.0";
  rig.board.begin(rig.now);
  CHECK(!rig.board.wantsLink());
  rig.measure(24.5f, 61);
  rig.open();
  CHECK_TEXT(rig.sent(0),
             "{\"HELLO\":1,\"IDDEVICE\":101,\"BOOT\":\"*\",\"OLDEST\":1,\"NEXT\":2,\"LOST\":0,\"UP\":120000,\"LED\":0,\"FW\":\"1.0.0\"}");
  CHECK_EQ(rig.sentCount, 1);  // nothing else before WELCOME
  CHECK(rig.board.status() == vaiven::Status::kGreeting);
  rig.welcome(0);
  CHECK_TEXT(rig.sent(1), "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"SEQ\":1,\"AGE\":120000,\"TEMP\":24.5,\"HUM\":61}");
  CHECK(rig.board.status() == vaiven::Status::kOnline);
  CHECK_EQ(rig.told(vaiven::Event::kWelcomed), 1);
}

TEST(states_with_other_names_are_declared) {
  static Rig rig;
  static const vaiven::State states[] = {{"LED", 1}, {"RELAY", 0}};
  rig.config.states = states;
  rig.config.stateCount = 2;
  rig.config.sleep = 600000;
  rig.config.device = "aula-3.b";
  static vaiven::Board board(rig.config, rig.held, {rig, rig, rig, rig});
  board.begin(0);
  board.tick(1000);
  board.onOpen(1000);
  board.tick(1000);
  char want[512];
  snprintf(want, sizeof want,
           "{\"HELLO\":1,\"IDDEVICE\":\"aula-3.b\",\"BOOT\":\"%s\",\"OLDEST\":1,\"NEXT\":1,\"LOST\":0,\"UP\":1000,\"SLEEP\":600000,"
           "\"STATES\":\"LED,RELAY\",\"LED\":1,\"RELAY\":0}",
           board.boot());
  CHECK_TEXT(rig.messages[0], want);
}

TEST(readings_go_several_in_a_message) {
  static Rig rig;
  rig.online();
  rig.measure(24.5f, 61);
  rig.now += 250;
  rig.measure(24.6f, NAN);
  rig.tick(50);
  CHECK_EQ(rig.sentCount, 1);
  CHECK_TEXT(rig.sent(0),
             "[{\"IDDEVICE\":101,\"BOOT\":\"*\",\"SEQ\":1,\"AGE\":300,\"TEMP\":24.5,\"HUM\":61},"
             "{\"IDDEVICE\":101,\"BOOT\":\"*\",\"SEQ\":2,\"AGE\":50,\"TEMP\":24.6,\"HUM\":null}]");
  rig.ack(2);
  CHECK_EQ(rig.board.waiting(), 0);
  CHECK(rig.board.quiet());
}

TEST(a_failed_conversion_uses_no_seq) {
  static Rig rig;
  rig.online();
  CHECK_EQ(rig.measure(NAN, NAN), 0);
  rig.board.failed();
  CHECK_EQ(rig.measure(INFINITY, NAN), 0);
  CHECK_EQ(rig.measure(24.5f, 61), 1);
  CHECK_EQ(rig.board.failures(), 3);
  CHECK_EQ(rig.board.waiting(), 1);
}

TEST(acks_are_cumulative) {
  static Rig rig;
  rig.online();
  for (int i = 0; i < 5; i++) rig.measure(20, 50);
  rig.tick();
  rig.ack(3);
  CHECK_EQ(rig.board.waiting(), 2);
  rig.ack(3);
  rig.ack(1);
  CHECK_EQ(rig.board.waiting(), 2);
  rig.ack(5);
  CHECK_EQ(rig.board.waiting(), 0);
  CHECK_EQ(rig.board.stats().settled, 5);
  CHECK_EQ(rig.board.stats().goBacks, 0);
}

TEST(answers_about_another_boot_are_ignored) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.tick();
  rig.hear("{\"IDDEVICE\":101,\"BOOT\":\"0123456789abcdef\",\"ACK\":1}");
  rig.hear("{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"01234567\",\"ACK\":1,\"NOW\":1}");
  rig.hear("{\"ERROR\":\"x\",\"CODE\":\"bad_boot\",\"IDDEVICE\":101,\"BOOT\":\"01234567\"}");
  rig.hear("{\"IDDEVICE\":102,\"LED\":1,\"REV\":1}");
  CHECK_EQ(rig.board.waiting(), 1);
  CHECK_EQ(rig.board.stats().foreign, 4);
  CHECK_EQ(rig.output[0], 0);
  rig.tick();
  CHECK(rig.board.wantsLink());
}

TEST(welcome_may_be_lower_than_the_truth) {
  static Rig rig;
  rig.online();
  for (int i = 0; i < 6; i++) rig.measure(20, 50);
  rig.tick();
  rig.ack(4);
  rig.board.onClose(rig.now);
  rig.open();
  rig.forget();
  rig.welcome(2);  // 3 and 4 are on their way to the disk
  CHECK_EQ(rig.sentCount, 1);
  CHECK(strstr(rig.sent(0), "\"SEQ\":5,") != nullptr && strstr(rig.sent(0), "\"SEQ\":4,") == nullptr);
  rig.ack(6);
  CHECK_EQ(rig.board.waiting(), 0);
}

TEST(the_window_bounds_what_is_on_its_way) {
  static Rig rig;
  rig.config.window = 8;
  static vaiven::Board board(rig.config, rig.held, {rig, rig, rig, rig});
  const float values[] = {20, 50};
  board.begin(0);
  for (int i = 0; i < 30; i++) board.record(0, values);
  board.tick(60000);
  board.onOpen(60000);
  board.tick(60000);
  char text[128];
  auto say = [&](const char* form, unsigned long seq) {
    snprintf(text, sizeof text, form, board.boot(), seq);
    board.onMessage(60000, text, strlen(text));
    board.tick(60000);
  };
  say("{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%lu}", 0);
  CHECK_EQ(board.stats().sent, 8);
  say("{\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%lu}", 3);
  CHECK_EQ(board.stats().sent, 11);
  say("{\"IDDEVICE\":101,\"BOOT\":\"%s\",\"ACK\":%lu}", 11);
  CHECK_EQ(board.stats().sent, 19);
}

TEST(it_goes_back_after_ten_seconds_without_progress) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.measure(21, 51);
  rig.tick();
  rig.pass(9900);
  CHECK_EQ(rig.sentCount, 1);
  rig.pass(200);
  CHECK_EQ(rig.sentCount, 2);
  CHECK(strstr(rig.sent(1), "\"SEQ\":1,\"AGE\":10000") != nullptr);
  CHECK_EQ(rig.board.stats().stalls, 1);
  rig.ack(1);
  rig.pass(9900);
  CHECK_EQ(rig.sentCount, 2);  // the ack was progress
  rig.pass(200);
  CHECK_EQ(rig.sentCount, 3);
  CHECK(strstr(rig.sent(2), "\"SEQ\":2,") != nullptr);
}

TEST(a_connection_that_acknowledges_nothing_is_given_up) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  for (int i = 0; i < 450; i++) {
    rig.tick(100);
    rig.board.onHeard(rig.now);
    if (!rig.board.wantsLink()) break;
  }
  CHECK_EQ(rig.closes, 1);
  CHECK_EQ(rig.board.stats().stalls, 4);
  CHECK_EQ(rig.board.waiting(), 1);
}

TEST(an_unasked_welcome_makes_it_go_back_once) {
  static Rig rig;
  rig.online();
  for (int i = 0; i < 4; i++) rig.measure(20, 50);
  rig.tick();
  rig.forget();
  rig.welcome(1);
  CHECK_EQ(rig.sentCount, 1);
  CHECK(strstr(rig.sent(0), "\"SEQ\":2,") != nullptr);
  rig.welcome(1);  // an echo
  CHECK_EQ(rig.sentCount, 1);
  CHECK_EQ(rig.board.stats().goBacks, 1);
  rig.pass(1100);
  rig.welcome(1);
  CHECK_EQ(rig.sentCount, 2);
}

TEST(readings_overwritten_before_they_were_sent_are_told) {
  static Rig rig;
  rig.board.begin(rig.now);
  rig.open();
  for (int i = 0; i < 70; i++) rig.measure(20, 50);
  CHECK_EQ(rig.board.lost(), 6);
  CHECK_EQ(rig.told(vaiven::Event::kLost), 6);
  rig.forget();
  rig.welcome(0);  // to a HELLO that said OLDEST 1
  CHECK(strstr(rig.sent(0), "\"HELLO\":1,") != nullptr);
  CHECK(strstr(rig.sent(0), "\"OLDEST\":7,\"NEXT\":71,\"LOST\":6,") != nullptr);
  CHECK_EQ(rig.sentCount, 1);
  rig.welcome(0);
  CHECK(strstr(rig.sent(1), "\"SEQ\":7,") != nullptr);
}

TEST(readings_overwritten_on_their_way_are_told_after_a_stall) {
  static Rig rig;
  rig.online();
  for (int i = 0; i < 40; i++) rig.measure(20, 50);
  rig.tick();
  for (int i = 0; i < 40; i++) rig.measure(20, 50);
  rig.forget();
  rig.pass(10100);
  CHECK(strstr(rig.find("HELLO"), "\"OLDEST\":17,\"NEXT\":81,\"LOST\":16,") != nullptr);
}

TEST(refused_for_good_is_settled_by_its_ack) {
  static Rig rig;
  rig.online();
  rig.measure(2400.5f, 50);
  rig.measure(20, 50);
  rig.tick();
  rig.hear("{\"ERROR\":\"TEMP is 2400.5\",\"CODE\":\"out_of_range\",\"AT\":39,\"IDDEVICE\":101,\"SEQ\":1}");
  CHECK_EQ(rig.told(vaiven::Event::kRefused), 1);
  CHECK_EQ(rig.last.seq, 1);
  CHECK_TEXT(rig.said, "TEMP is 2400.5");
  rig.forget();
  rig.tick(1000);
  CHECK_EQ(rig.sentCount, 0);
  rig.ack(2);
  CHECK_EQ(rig.board.waiting(), 0);
  CHECK_EQ(rig.board.stats().refused, 1);
}

TEST(refused_for_now_comes_again_after_retry) {
  static Rig rig;
  rig.online();
  for (int i = 0; i < 3; i++) rig.measure(20, 50);
  rig.tick();
  rig.hear("{\"ERROR\":\"disk full\",\"CODE\":\"busy\",\"IDDEVICE\":101,\"SEQ\":2,\"RETRY\":5000}");
  rig.ack(1);
  rig.measure(20, 50);
  rig.forget();
  rig.pass(4900);
  CHECK_EQ(rig.sentCount, 0);  // nor anything later
  rig.pass(100);
  CHECK_EQ(rig.sentCount, 1);
  CHECK(strstr(rig.sent(0), "[{\"IDDEVICE\":101,\"BOOT\":\"*\",\"SEQ\":2,") != nullptr);
  CHECK(strstr(rig.sent(0), "\"SEQ\":4,") != nullptr);
}

TEST(a_hello_refused_for_now_comes_again) {
  static Rig rig;
  rig.board.begin(rig.now);
  rig.open();
  rig.hear("{\"ERROR\":\"in use\",\"CODE\":\"device_in_use\",\"IDDEVICE\":101,\"RETRY\":20000}");
  rig.tick();
  CHECK(rig.board.status() == vaiven::Status::kRefused);
  rig.forget();
  rig.pass(19900);
  CHECK_EQ(rig.sentCount, 0);
  rig.pass(100);
  CHECK(strstr(rig.sent(0), "\"HELLO\":1") != nullptr);
  rig.welcome(0);
  CHECK(rig.board.status() == vaiven::Status::kOnline);
}

TEST(a_refusal_without_retry_waits_a_second) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.tick();
  rig.hear("{\"ERROR\":\"x\",\"CODE\":\"too_fast\",\"IDDEVICE\":101,\"SEQ\":1}");
  rig.forget();
  rig.pass(900);
  CHECK_EQ(rig.sentCount, 0);
  rig.pass(100);
  CHECK_EQ(rig.sentCount, 1);
}

TEST(a_refused_reading_that_is_overwritten_becomes_a_gap) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.tick();
  rig.hear("{\"ERROR\":\"x\",\"CODE\":\"busy\",\"IDDEVICE\":101,\"SEQ\":1,\"RETRY\":5000}");
  for (int i = 0; i < 66; i++) rig.measure(20, 50);
  rig.forget();
  rig.pass(5000);
  CHECK(strstr(rig.sent(0), "\"HELLO\":1") != nullptr && strstr(rig.sent(0), "\"OLDEST\":4,") != nullptr);
}

TEST(a_boot_used_before_is_changed_and_nothing_is_lost) {
  static Rig rig;
  rig.online();
  for (int i = 0; i < 5; i++) rig.measure(20, 50);
  rig.tick();
  rig.ack(2);
  char before[vaiven::kBootDigits + 1];
  strcpy(before, rig.board.boot());
  rig.hear("{\"ERROR\":\"BOOT was used\",\"CODE\":\"bad_boot\",\"IDDEVICE\":101,\"SEQ\":3}");
  rig.tick();
  CHECK_EQ(rig.closes, 1);
  CHECK(strcmp(before, rig.board.boot()) != 0);
  rig.forget();
  rig.open();
  CHECK(strstr(rig.sent(0), "\"OLDEST\":1,\"NEXT\":4,") != nullptr);
}

TEST(an_ack_of_what_was_never_sent_means_a_shared_boot) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.tick();
  rig.ack(2);
  CHECK_EQ(rig.told(vaiven::Event::kNewBoot), 1);
  CHECK_EQ(rig.board.waiting(), 1);
  rig.tick();
  CHECK_EQ(rig.closes, 1);
}

TEST(the_largest_messages_fit) {
  static const vaiven::Sensor sensors[] = {{"AAAAAAAAAAAAAAA1", 6}, {"AAAAAAAAAAAAAAA2", 6}, {"AAAAAAAAAAAAAAA3", 6},
                                           {"AAAAAAAAAAAAAAA4", 6}, {"AAAAAAAAAAAAAAA5", 6}, {"AAAAAAAAAAAAAAA6", 6},
                                           {"AAAAAAAAAAAAAAA7", 6}, {"AAAAAAAAAAAAAAA8", 6}};
  static const vaiven::State states[] = {{"BBBBBBBBBBBBBBB1", INT32_MIN}, {"BBBBBBBBBBBBBBB2", INT32_MIN}, {"BBBBBBBBBBBBBBB3", INT32_MIN},
                                         {"BBBBBBBBBBBBBBB4", INT32_MIN}, {"BBBBBBBBBBBBBBB5", INT32_MIN}, {"BBBBBBBBBBBBBBB6", INT32_MIN},
                                         {"BBBBBBBBBBBBBBB7", INT32_MIN}, {"BBBBBBBBBBBBBBB8", INT32_MIN}};
  static Rig rig;
  vaiven::Config& config = rig.config;
  config.device = "d234567890123456789012345678901234567890123456789012345678901234";
  config.firmware = "f234567890123456789012345678901234567890123456789012345678901234";
  config.sensors = sensors;
  config.sensorCount = 8;
  config.states = states;
  config.stateCount = 8;
  config.sleep = UINT32_MAX;
  static vaiven::Held<8, 4> held;
  static vaiven::Board board(config, held, {rig, rig, rig, rig});
  CHECK(board.begin(0));
  CHECK(board.problem() == nullptr);
  float values[8];
  for (float& v : values) v = -1234567.7f;  // -1234567.75, and the longest that a float gives
  for (int i = 0; i < 4; i++) board.record(0, values);
  board.tick(60000);
  board.onOpen(60000);
  board.tick(60000);
  char text[256];
  snprintf(text, sizeof text, "{\"WELCOME\":1,\"IDDEVICE\":\"%s\",\"BOOT\":\"%s\",\"ACK\":0}", config.device, board.boot());
  board.onMessage(60000, text, strlen(text));
  board.tick(60000);
  CHECK_EQ(board.stats().sent, 4);
  CHECK_EQ(rig.sentCount, 3);  // HELLO, and two readings in each message
  for (size_t i = 0; i < rig.sentCount; i++) {
    const size_t length = strlen(rig.messages[i]);
    CHECK(length > 400 && length <= vaiven::kMaxMessage);
    CHECK_EQ(rig.messages[i][length - 1], i == 0 ? '}' : ']');
  }
}

TEST(a_board_with_a_problem_does_nothing) {
  static Rig rig;
  rig.config.device = "not an id";
  static vaiven::Board board(rig.config, rig.held, {rig, rig, rig, rig});
  CHECK(!board.begin(0) && !board.resume(0, 0));
  CHECK(board.problem() != nullptr);
  const float values[] = {20, 50};
  CHECK_EQ(board.record(0, values), 0);
  board.tick(100000);
  board.onOpen(100000);
  board.tick(100000);
  CHECK(!board.wantsLink() && rig.sentCount == 0 && !board.resume(0, 0));
}

TEST(a_send_that_blocks_makes_what_follows_older) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.hear("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}");
  rig.sendBlocks = 4000;
  rig.tick();
  CHECK(strstr(rig.sent(0), "\"REV\":7") != nullptr);
  CHECK(strstr(rig.sent(1), "\"SEQ\":1,\"AGE\":4000,") != nullptr);
}
