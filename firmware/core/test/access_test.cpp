// Who may speak: the proof of a token, where it comes from, and what a board does
// that is not let in.
#include <string.h>

#include "rig.h"
#include "vaiven/proof.h"
#include "vaiven/sha256.h"

using vaiven::Access;
using vaiven::Event;
using vaiven::Status;

namespace {

#define TOKEN "vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
#define OTHER "vvn_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
constexpr char kNonce[] = "{\"IDDEVICE\":101,\"NONCE\":\"000102030405060708090a0b0c0d0e0f\"}";
constexpr char kGiven[] = "{\"IDDEVICE\":101,\"TOKEN\":\"" TOKEN "\"}";
constexpr char kWaits[] = "{\"ERROR\":\"x\",\"CODE\":\"not_approved\",\"IDDEVICE\":101,\"RETRY\":10000}";

void hex(const uint8_t (&digest)[vaiven::kDigest], char (&out)[65]) {
  for (size_t i = 0; i < vaiven::kDigest; i++) snprintf(out + 2 * i, 3, "%02x", static_cast<unsigned>(digest[i]));
}

// hash adds the text in pieces of `piece` bytes.
void hash(const char* text, size_t piece, char (&out)[65]) {
  vaiven::Sha256 sha;
  for (size_t left = strlen(text), at = 0; left > 0;) {
    const size_t n = left < piece ? left : piece;
    sha.add(text + at, n);
    at += n;
    left -= n;
  }
  uint8_t digest[vaiven::kDigest];
  sha.finish(digest);
  hex(digest, out);
}

void mac(const char* key, size_t keyLength, const char* text, char (&out)[65]) {
  vaiven::Hmac hmac(key, keyLength);
  hmac.add(text, strlen(text));
  uint8_t digest[vaiven::kDigest];
  hmac.finish(digest);
  hex(digest, out);
}

// started is a board with a token whose connection is open: its HELLO is out.
void started(Rig& rig, const char* token) {
  strcpy(rig.kept, token);
  rig.board.begin(rig.now);
  rig.open();
}

// hasProof checks that the board's i-th message proves TOKEN.
void hasProof(Rig& rig, size_t i) {
  char proof[65], want[96];
  vaiven::prove(TOKEN, "000102030405060708090a0b0c0d0e0f", "101", rig.board.boot(), proof);
  snprintf(want, sizeof want, ",\"PROOF\":\"%s\"}", proof);
  const char* sent = rig.sent(i);
  CHECK(strncmp(sent, "{\"HELLO\":1,", 11) == 0);
  CHECK(strstr(sent, want) != nullptr);
}

}  // namespace

TEST(sha256_of_fips_180) {
  char got[65];
  hash("", 1, got);
  CHECK_TEXT(got, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  hash("abc", 1, got);
  CHECK_TEXT(got, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const char two[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  for (size_t piece = 1; piece < sizeof two; piece += 7) {
    hash(two, piece, got);
    CHECK_TEXT(got, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  }
  static char many[1001];
  memset(many, 'a', 1000);
  vaiven::Sha256 million;
  for (int i = 0; i < 1000; i++) million.add(many, 1000);
  uint8_t digest[vaiven::kDigest];
  million.finish(digest);
  hex(digest, got);
  CHECK_TEXT(got, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(hmac_of_rfc_4231) {
  char got[65], key[131];
  memset(key, 0x0b, sizeof key);
  mac(key, 20, "Hi There", got);
  CHECK_TEXT(got, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  mac("Jefe", 4, "what do ya want for nothing?", got);
  CHECK_TEXT(got, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  static char text[51];
  memset(text, '\xdd', 50);
  memset(key, '\xaa', sizeof key);
  mac(key, 20, text, got);
  CHECK_TEXT(got, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
  for (int i = 0; i < 25; i++) key[i] = static_cast<char>(i + 1);
  memset(text, '\xcd', 50);
  mac(key, 25, text, got);
  CHECK_TEXT(got, "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  memset(key, '\xaa', sizeof key);
  mac(key, sizeof key, "Test Using Larger Than Block-Size Key - Hash Key First", got);
  CHECK_TEXT(got, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  mac(key, sizeof key, "This is a test using a larger than block-size key and a larger than block-size data. "
      "The key needs to be hashed before being used by the HMAC algorithm.", got);
  CHECK_TEXT(got, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(the_proof_is_the_protocols) {
  char got[65];
  vaiven::prove(TOKEN, "000102030405060708090a0b0c0d0e0f", "101", "9f3c02aa", got);
  CHECK_TEXT(got, "f650f0cece55951d4303620efea67685d712a9702c662eaa742fcba9893fc147");
}

TEST(tokens_and_nonces_have_one_form) {
  CHECK(vaiven::validToken(TOKEN, 47));
  CHECK(!vaiven::validToken(TOKEN, 46));
  CHECK(!vaiven::validToken(TOKEN "8", 48));
  CHECK(!vaiven::validToken("VVN_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8", 47));
  CHECK(!vaiven::validToken("vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh+", 47));
  CHECK(!vaiven::validToken("vvn_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9", 47));
  CHECK(vaiven::validNonce("000102030405060708090a0b0c0d0e0f", 32));
  CHECK(!vaiven::validNonce("000102030405060708090a0b0c0d0e0F", 32));
  CHECK(!vaiven::validNonce("000102030405060708090a0b0c0d0e0f0", 33));
  CHECK(!vaiven::validNonce("", 0));
}

TEST(a_nonce_is_answered_with_a_proof) {
  static Rig rig;
  started(rig, TOKEN);
  CHECK(strstr(rig.sent(0), "PROOF") == nullptr);
  rig.forget();
  rig.hear(kNonce);
  rig.tick();
  CHECK_EQ(rig.sentCount, 1);
  hasProof(rig, 0);
  rig.welcome(0);
  CHECK(rig.board.status() == Status::kOnline);
  CHECK_EQ(rig.sentCount, 1);  // once
  // The token itself is in no message.
  CHECK_TEXT(rig.find("vvn_"), "(nothing)");
}

TEST(a_nonce_is_answered_whatever_comes_behind_it) {
  const char* behind[] = {"{\"ERROR\":\"x\",\"CODE\":\"not_authorised\",\"IDDEVICE\":101,\"RETRY\":10000}", nullptr};
  for (const char* text : behind) {
    static Rig rig;
    started(rig, TOKEN);
    rig.measure(20, 50);
    rig.forget();
    rig.hear(kNonce);
    if (text != nullptr) {
      rig.hear(text);
      rig.tick();
    } else {
      rig.welcome(0);  // the token was never used
    }
    hasProof(rig, 0);
    if (text != nullptr) rig.hear(text);  // that of the HELLO before
    CHECK(rig.board.status() == Status::kGreeting);
    rig.welcome(0);
    CHECK(strstr(rig.sent(rig.sentCount - 1), "\"SEQ\":1,") != nullptr);  // at once
    CHECK(rig.board.access() == Access::kOpen);
    rig.board.onClose(rig.now);
  }
}

TEST(a_board_without_token_does_not_answer) {
  static Rig rig;
  started(rig, "");
  rig.measure(20, 50);
  rig.forget();
  rig.hear(kNonce);
  rig.tick();
  CHECK_EQ(rig.sentCount, 0);
  rig.hear("{\"ERROR\":\"has a token\",\"CODE\":\"not_authorised\",\"IDDEVICE\":101,\"RETRY\":10000}");
  CHECK(rig.board.status() == Status::kRefused);
  CHECK(rig.board.access() == Access::kNoToken);
  CHECK_EQ(rig.told(Event::kRefusedForNow), 1);
  CHECK_TEXT(rig.said, "has a token");
  rig.pass(9900);
  CHECK_EQ(rig.sentCount, 0);
  rig.pass(200);
  CHECK_EQ(rig.sentCount, 1);
  CHECK(strstr(rig.sent(0), "HELLO") != nullptr && strstr(rig.sent(0), "PROOF") == nullptr);
}

TEST(a_nonce_is_of_its_connection) {
  static Rig rig;
  started(rig, "");
  rig.hear(kNonce);
  rig.board.onClose(rig.now);
  strcpy(rig.kept, TOKEN);
  rig.forget();
  rig.open();
  CHECK(strstr(rig.sent(0), "HELLO") != nullptr && strstr(rig.sent(0), "PROOF") == nullptr);
}

TEST(strange_nonces_and_tokens_do_nothing) {
  static Rig rig;
  started(rig, TOKEN);
  rig.tls = true;
  rig.forget();
  const char* strange[] = {
      "{\"IDDEVICE\":102,\"NONCE\":\"000102030405060708090a0b0c0d0e0f\"}",
      "{\"NONCE\":\"000102030405060708090a0b0c0d0e0f\"}",
      "{\"IDDEVICE\":101,\"NONCE\":\"000102030405060708090a0b0c0d0e0f0\"}",
      "{\"IDDEVICE\":101,\"NONCE\":\"000102030405060708090a0b0c0d0e\\n\"}",
      "{\"IDDEVICE\":101,\"NONCE\":12345678901234567890123456789012}",
      "{\"IDDEVICE\":102,\"TOKEN\":\"" OTHER "\"}",
      "{\"TOKEN\":\"" OTHER "\"}",
      "{\"IDDEVICE\":101,\"TOKEN\":\"" OTHER "A\"}",
      "{\"IDDEVICE\":101,\"TOKEN\":\"\"}",
      "{\"IDDEVICE\":101,\"TOKEN\":null}",
      "{\"IDDEVICE\":101,\"TOKEN\":\"vvn_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\\u0041\"}",
  };
  for (const char* text : strange) {
    rig.hear(text);
    rig.tick();
  }
  CHECK_EQ(rig.sentCount, 0);
  CHECK_TEXT(rig.kept, TOKEN);
  CHECK_EQ(rig.told(Event::kToken), 0);
  CHECK_EQ(rig.board.stats().foreign + rig.board.stats().unknown, sizeof strange / sizeof strange[0]);
}

TEST(a_stranger_gives_no_token) {
  static Rig rig;
  rig.online();
  rig.hear(kGiven);
  rig.tick();
  CHECK_TEXT(rig.kept, "");
  CHECK_EQ(rig.sentCount, 0);
}

TEST(a_trusted_server_gives_a_token) {
  static Rig rig;
  rig.tls = true;
  rig.fixedToken = true;
  rig.online();
  rig.hear(kGiven);
  CHECK_TEXT(rig.kept, TOKEN);
  CHECK_EQ(rig.told(Event::kToken), 1);
  CHECK(!rig.board.quiet());
  rig.tick();
  CHECK(strstr(rig.sent(0), "HELLO") != nullptr);
  rig.hear(kNonce);
  rig.tick();
  hasProof(rig, 1);
}

TEST(who_waits_for_approval_keeps_readings_and_is_given_a_token) {
  static Rig rig;
  started(rig, "");
  rig.measure(20, 50);
  rig.forget();
  rig.hear(kWaits);
  CHECK(rig.board.status() == Status::kWaiting);
  CHECK(rig.board.access() == Access::kWaiting);
  rig.pass(9900);
  CHECK_EQ(rig.sentCount, 0);
  rig.pass(200);
  CHECK_EQ(rig.sentCount, 1);  // HELLO
  rig.forget();
  rig.hear(kGiven);  // approved
  rig.welcome(0);
  CHECK_TEXT(rig.kept, TOKEN);
  CHECK(strstr(rig.sent(0), "HELLO") != nullptr);
  rig.hear(kNonce);
  rig.tick();
  hasProof(rig, 1);
  rig.forget();
  rig.welcome(0);
  CHECK(strstr(rig.sent(0), "\"SEQ\":1,") != nullptr);
  rig.ack(1);
  CHECK(rig.board.quiet());
  // It is proven: the window is closed.
  rig.hear("{\"IDDEVICE\":101,\"TOKEN\":\"" OTHER "\"}");
  CHECK_TEXT(rig.kept, TOKEN);
}

TEST(a_token_in_the_window_replaces_one_that_was_not_proven) {
  static Rig rig;
  started(rig, OTHER);
  rig.hear(kWaits);
  rig.pass(10100);
  rig.hear(kGiven);
  CHECK_TEXT(rig.kept, TOKEN);
}

TEST(what_a_person_gave_is_not_replaced_in_the_window) {
  static Rig rig;
  rig.fixedToken = true;
  started(rig, OTHER);
  rig.hear(kWaits);
  rig.pass(10100);
  rig.forget();
  rig.hear(kGiven);
  rig.tick();
  CHECK_TEXT(rig.kept, OTHER);
  CHECK_EQ(rig.sentCount, 0);
}

TEST(the_window_closes_some_time_behind_the_welcome) {
  static Rig rig;
  started(rig, "");
  rig.hear(kWaits);
  rig.pass(10100);
  rig.welcome(0);
  for (int i = 0; i < 61; i++) {
    rig.pass(10000, 1000);
    rig.board.onHeard(rig.now);
  }
  rig.hear(kGiven);
  CHECK_TEXT(rig.kept, "");
}

TEST(the_window_lives_through_sleep) {
  static Rig rig, woken;
  started(rig, "");
  rig.hear(kWaits);
  rig.board.seal(rig.now);
  memcpy(&woken.held, &rig.held, sizeof rig.held);
  CHECK(woken.board.resume(woken.now, 60000));
  woken.open();
  woken.hear(kGiven);
  CHECK_TEXT(woken.kept, TOKEN);
  woken.board.begin(woken.now);  // another power-up
  woken.kept[0] = '\0';
  woken.open();
  woken.hear(kGiven);
  CHECK_TEXT(woken.kept, "");
}

TEST(a_wrong_token_is_told_and_tried_again_in_time) {
  static Rig rig;
  started(rig, TOKEN);
  rig.hear(kNonce);
  rig.tick();
  rig.forget();
  rig.hear("{\"ERROR\":\"not that\",\"CODE\":\"bad_token\",\"IDDEVICE\":101,\"RETRY\":10000}");
  CHECK(rig.board.status() == Status::kRefused);
  CHECK(rig.board.access() == Access::kBadToken);
  CHECK_TEXT(rig.said, "not that");
  rig.pass(9900);
  CHECK_EQ(rig.sentCount, 0);
  rig.pass(200);
  CHECK_EQ(rig.sentCount, 1);
  rig.hear(kNonce);
  rig.tick();
  hasProof(rig, 1);
}

TEST(a_board_that_is_shut_out_says_hello_until_it_is_let_in) {
  static Rig rig;
  rig.online();
  rig.measure(20, 50);
  rig.tick();
  rig.forget();
  rig.hear("{\"ERROR\":\"x\",\"CODE\":\"not_authorised\",\"IDDEVICE\":101,\"SEQ\":1,\"RETRY\":2000}");
  CHECK(rig.board.status() == Status::kRefused);
  CHECK_EQ(rig.board.waiting(), 1);
  rig.pass(2100);
  CHECK_EQ(rig.sentCount, 1);
  CHECK(strstr(rig.sent(0), "HELLO") != nullptr);
  rig.welcome(0);
  CHECK(strstr(rig.sent(1), "\"SEQ\":1,") != nullptr);
}
