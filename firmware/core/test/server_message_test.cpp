#include <string.h>

#include "check.h"
#include "vaiven/server_message.h"

using namespace vaiven;

namespace {

constexpr State kTwo[] = {{"LED", 0}, {"RELAY", 0}};

Config config() {
  Config c;
  c.states = kTwo;
  c.stateCount = 2;
  return c;
}

bool read(const char* text, ServerMessage& message) {
  return readServer(text, strlen(text), config(), "101", message);
}

bool refused(const char* text) {
  ServerMessage message;
  return !read(text, message);
}

}  // namespace

TEST(messages_of_the_protocol_document) {
  ServerMessage m;
  CHECK(read("{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\",\"ACK\":16,\"NOW\":1795333377000,\"LED\":1,\"REV\":7}", m));
  CHECK(m.kind == ServerKind::kWelcome && m.ack == 16 && m.boot.is("9f3c02aa") && !m.otherDevice);
  CHECK(m.desired.named == 1 && m.desired.value[0] == 1 && m.desired.rev == 7);
  CHECK(read("{\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\",\"ACK\":17}", m) && m.kind == ServerKind::kAck && m.ack == 17);
  CHECK(read("{\"IDDEVICE\":101,\"LED\":1,\"REV\":7}", m) && m.kind == ServerKind::kDesired && m.desired.until == UINT64_MAX);
  CHECK(read("{\"IDDEVICE\":101,\"LED\":0,\"RELAY\":1,\"REV\":8,\"UNTIL\":739000}", m));
  CHECK(m.desired.named == 3 && m.desired.value[1] == 1 && m.desired.until == 739000);
  CHECK(read("{\"IDDEVICE\":101,\"TOKEN\":\"vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}", m) && m.kind == ServerKind::kToken);
  CHECK(m.text.is("vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"));
  CHECK(read("{\"IDDEVICE\":101,\"NONCE\":\"000102030405060708090a0b0c0d0e0f\"}", m) && m.kind == ServerKind::kNonce);
  CHECK(m.text.is("000102030405060708090a0b0c0d0e0f"));
  CHECK(read("{\"ERROR\":\"TEMP is \\\"24.5\\\" (text): send the number without quotes\",\"CODE\":\"not_a_number\",\"AT\":22,"
             "\"IDDEVICE\":101,\"SEQ\":17}", m));
  CHECK(m.kind == ServerKind::kError && m.verdict == Verdict::kForGood && m.seq == 17 && !m.hasRetry);
  CHECK(read("{\"BYE\":\"50 readings received\",\"RETRY\":0}", m));
  CHECK(m.kind == ServerKind::kBye && m.hasRetry && m.retry == 0);
}

TEST(keys_come_in_any_order) {
  ServerMessage m;
  CHECK(read("{\"REV\":7,\"LED\":1,\"NOW\":1,\"ACK\":16,\"BOOT\":\"9f3c02aa\",\"IDDEVICE\":\"101\",\"WELCOME\":1}", m));
  CHECK(m.kind == ServerKind::kWelcome && m.ack == 16 && m.desired.rev == 7);
  CHECK(read("{\"SEQ\":3,\"RETRY\":2000,\"CODE\":\"busy\",\"IDDEVICE\":101,\"ERROR\":\"x\"}", m));
  CHECK(m.kind == ServerKind::kError && m.verdict == Verdict::kForNow && m.retry == 2000 && m.text.is("x"));
}

TEST(other_boards_are_told_apart) {
  ServerMessage m;
  CHECK(read("{\"IDDEVICE\":102,\"BOOT\":\"9f3c02aa\",\"ACK\":17}", m) && m.otherDevice);
  CHECK(read("{\"IDDEVICE\":\"a\",\"BOOT\":\"9f3c02aa\",\"ACK\":17}", m) && m.otherDevice);
  CHECK(read("{\"BYE\":\"x\"}", m) && !m.otherDevice && !m.hasDevice && !m.hasRetry);
}

TEST(codes_have_their_verdicts) {
  const struct {
    const char* code;
    Verdict want;
  } cases[] = {{"not_a_number", Verdict::kForGood}, {"out_of_range", Verdict::kForGood}, {"bad_name", Verdict::kForGood},
               {"no_values", Verdict::kForGood},    {"too_large", Verdict::kForGood},    {"busy", Verdict::kForNow},
               {"too_fast", Verdict::kForNow},      {"not_approved", Verdict::kForNow},  {"not_authorised", Verdict::kForNow},
               {"bad_token", Verdict::kForNow},      {"device_in_use", Verdict::kForNow},
               {"bad_boot", Verdict::kBadBoot},     {"bad_seq", Verdict::kOther},        {"not_json", Verdict::kOther},
               {"of_a_later_server", Verdict::kOther}};
  for (const auto& c : cases) {
    char text[128] = "{\"ERROR\":\"x\",\"CODE\":\"";
    strcat(text, c.code);
    strcat(text, "\"}");
    ServerMessage m;
    CHECK(read(text, m) && m.verdict == c.want);
  }
}

TEST(values_that_a_switch_cannot_have) {
  ServerMessage m;
  CHECK(read("{\"IDDEVICE\":101,\"LED\":true,\"RELAY\":false,\"REV\":1}", m) && m.desired.named == 3 && m.desired.value[0] == 1);
  CHECK(read("{\"IDDEVICE\":101,\"LED\":1.0,\"RELAY\":\"on\",\"REV\":1}", m) && m.desired.named == 1 && m.desired.value[0] == 1);
  CHECK(read("{\"IDDEVICE\":101,\"LED\":1e99,\"LAMP\":1,\"REV\":1}", m) && m.desired.named == 0);
}

TEST(a_later_server_may_say_more) {
  ServerMessage m;
  CHECK(read("{\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\",\"ACK\":17,\"X\":{\"ACK\":99},\"Y\":[1],\"Z\":null,\"W\":\"t\"}", m) && m.ack == 17);
  CHECK(refused("{\"HOLA\":1}"));
  CHECK(refused("{}"));
  CHECK(refused("ON"));
}

TEST(messages_that_lack_something_are_ignored) {
  CHECK(refused("{\"BOOT\":\"9f3c02aa\",\"ACK\":17}"));
  CHECK(refused("{\"IDDEVICE\":101,\"ACK\":17}"));
  CHECK(refused("{\"WELCOME\":1,\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\"}"));
  CHECK(refused("{\"LED\":1,\"REV\":7}"));
  CHECK(refused("{\"TOKEN\":\"vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\"}"));
  CHECK(refused("{\"NONCE\":\"000102030405060708090a0b0c0d0e0f\"}"));
  CHECK(refused("{\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\",\"ACK\":\"17\"}"));
  CHECK(refused("{\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\",\"ACK\":-1}"));
  CHECK(refused("{\"IDDEVICE\":101,\"BOOT\":7,\"ACK\":1}"));
  CHECK(refused("{\"IDDEVICE\":101,\"BOOT\":\"9f3c02aa\",\"ACK\":17}}"));
}

TEST(numbers_too_big_are_the_longest) {
  ServerMessage m;
  CHECK(read("{\"BYE\":\"x\",\"RETRY\":18446744073709551615}", m) && m.retry == kMaxRetry);
  CHECK(refused("{\"BYE\":\"x\",\"RETRY\":18446744073709551616}"));
  CHECK(read("{\"IDDEVICE\":101,\"LED\":1,\"REV\":1,\"UNTIL\":-5}", m) && m.desired.until == 0);
}
